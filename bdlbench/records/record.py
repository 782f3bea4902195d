"""The record of a run: how it was made, and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from bdlbench.settings import Setting

SCHEMA = 2
COMPLETED, DIVERGED = "completed", "diverged"
OUTCOMES = (
    *(COMPLETED, DIVERGED, "over budget", "out of memory", "plugin error"),
    *("crashed", "timed out"),
)


@dataclass(frozen=True)
class Sampler:
    """The sampler of a run.

    Args:
        name: As it is registered.
        settings: All of them.
        source_sha256: SHA-256 of its file; empty for a built-in sampler.
        trials: How many the settings were chosen from; 0 if none is known of, None in a record
            that does not say.
    """

    name: str
    settings: dict[str, Setting]
    source_sha256: str
    trials: int | None = None

    def content(self) -> dict[str, Any]:
        """Return the content of the record's file."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Configuration:
    """Everything that determines a run besides sampler, task, data and seed.

    Args:
        model: Name of the model.
        prior_std: Standard deviation of the prior.
        epochs: Of the budget, like the next two.
        draws: Number of states to keep.
        burn_in: Fraction of the budget before the first draw.
        split: ``test`` or ``validation``.
        device: ``cpu`` or ``cuda``.
        numerics: The numerics version.
        protocol: In its place until numerics versions were declared, with the next.
        code_sha256: Of the code.
        others: Whatever else is in the file.
    """

    model: str
    prior_std: float
    epochs: float
    draws: int
    burn_in: float
    split: str
    device: str
    numerics: str | None = None
    protocol: int | None = None
    code_sha256: str | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return the content of the record's file; a run's name is derived from it."""
        known = {name: value for name, value in vars(self).items() if value is not None}
        others = known.pop("others")
        budget = {name: known.pop(name) for name in _BUDGET}
        first = {name: known.pop(name) for name in ("model", "prior_std")}
        return {**first, "budget": budget, **known, **others}


_BUDGET = ("epochs", "draws", "burn_in")
_CONFIGURED = {f.name for f in fields(Configuration)} - {*_BUDGET, "others"}


def configured(content: Mapping[str, Any]) -> Configuration:
    """Parse the configuration of a record's file.

    Raises:
        TypeError: A field is missing.
    """
    known = {name: value for name, value in content.items() if name in _CONFIGURED}
    others = {name: content[name] for name in content if name not in {*_CONFIGURED, "budget"}}
    return Configuration(**known, **content["budget"], others=others)


@dataclass(frozen=True)
class Record:
    """How a run was made, and its outcome.

    Args:
        run: The run's name, also its folder's.
        task: Name of the task.
        sampler: The sampler and its settings.
        seed: Seed of the run's random numbers.
        configuration: All else that determines the run.
        data: SHA-256 of every set that was read, by name.
        outcome: One of `OUTCOMES`.
        reason: For an outcome other than completed, why.
        epochs: Spent, as counted by the problem.
        draws: Number of draws that the predictions average.
        metrics: Scores by name; fractions, not percent. Empty unless completed.
        scoring: Version of the metrics, `scores.VERSION` as it was.
        predictions_sha256: Checksum of the predictions' file; empty unless completed.
        environment: Versions, processor and threads.
        measured: What differs between two equal runs: wall-clock seconds of sampling and of
            evaluation, peak memory in bytes, and the time at which the run ended (UTC).
    """

    run: str
    task: str
    sampler: Sampler
    seed: int
    configuration: Configuration
    data: dict[str, str]
    outcome: str
    reason: str
    epochs: float
    draws: int
    metrics: dict[str, float]
    scoring: int
    predictions_sha256: str
    environment: dict[str, Any]
    measured: dict[str, Any]
    schema: int = SCHEMA

    def content(self) -> dict[str, Any]:
        """Return the content of the record's file."""
        parts = {"sampler": self.sampler.content(), "configuration": self.configuration.content()}
        return {**vars(self), **parts}


def parse(content: Mapping[str, Any]) -> Record:
    """Parse a record's file.

    Raises:
        ValueError: It is none.
    """
    try:
        sampler, made = Sampler(**content["sampler"]), configured(content["configuration"])
        return Record(**{**content, "sampler": sampler, "configuration": made})
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
