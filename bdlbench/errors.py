"""Exceptions, each with a one-line message for the user."""

from __future__ import annotations


class BdlbenchError(Exception):
    """Base class; the message gives what was expected, what was found, and a remedy."""


class PluginError(BdlbenchError):
    """A plugin is missing, ambiguous, broken or misconfigured."""


class DataError(BdlbenchError):
    """A data file is truncated, corrupt or of another format."""


class DataMissing(DataError):  # noqa: N818 -- handled by the choice of the default task
    """A data file was not found and could not be downloaded."""


class RecordError(BdlbenchError):
    """A record or a prediction file cannot be read or written."""


class DamagedRecord(RecordError):  # noqa: N818 -- handled: the run is repeated
    """A record is corrupt."""


class Diverged(BdlbenchError):  # noqa: N818 -- a named outcome of a run
    """A chain's parameters, potential or gradient are not finite."""
