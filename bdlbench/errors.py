"""The exceptions of bdlbench, each with a one-line message for the user."""

from __future__ import annotations


class BdlbenchError(Exception):
    """An error with a message for the user: what was expected, what was found, and a remedy."""


class PluginError(BdlbenchError):
    """A plugin is missing, ambiguous, broken or misconfigured."""


class DataError(BdlbenchError):
    """A data file is truncated, corrupt or of another format."""


class DataMissing(DataError):  # noqa: N818 -- not a fault: the default task falls back on it
    """Data was found in no folder and could not be downloaded."""


class RecordError(BdlbenchError):
    """A record or a prediction file cannot be read or written."""


class DamagedRecord(RecordError):  # noqa: N818 -- not a fault: a grid makes the run again
    """A record is damaged."""


class Diverged(BdlbenchError):  # noqa: N818 -- a named outcome of a run
    """Parameters are no longer finite."""
