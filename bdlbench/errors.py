"""The exceptions of bdlbench, each with a one-line message for the user."""

from __future__ import annotations


class BdlbenchError(Exception):
    """An error with a message for the user: what was expected, what was found, and a remedy."""


class PluginError(BdlbenchError):
    """Report a plugin that is missing, ambiguous, broken or misconfigured."""


class DataError(BdlbenchError):
    """Report a data file that is truncated, foreign or corrupt."""


class DataMissing(DataError):  # noqa: N818 -- not a fault: the default task falls back on it
    """Report data that is in no folder and that could not be downloaded."""


class RecordError(BdlbenchError):
    """Report a record or a prediction file that cannot be read or written."""


class DamagedRecord(RecordError):  # noqa: N818 -- not a fault: a grid makes the run again
    """Report a record that is not whole."""


class Diverged(BdlbenchError):  # noqa: N818 -- a named outcome of a run
    """Report parameters that are no longer finite."""
