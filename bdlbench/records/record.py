"""The record of a run: its inputs, outcome and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

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
        name: Registered name.
        settings: All hyperparameters, defaults included.
        source_sha256: SHA-256 of its file; empty for a built-in sampler.
        trials: Number of tuning trials the hyperparameters were selected from; 0 if unknown, None
            in records without this field.
    """

    name: str
    settings: dict[str, Setting]
    source_sha256: str
    trials: int | None = None

    def content(self) -> dict[str, Any]:
        """Return the JSON content."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Configuration:
    """Everything that determines a run besides sampler, task, data and seed.

    Args:
        model: Name of the model.
        prior_std: Standard deviation of the prior.
        epochs: Budget in epochs.
        draws: Number of draws per chain.
        burn_in: Fraction of the budget before the first draw.
        split: ``test`` or ``validation``.
        device: ``cpu`` or ``cuda``.
        numerics: The numerics version.
        protocol: In old records, with `code_sha256`, instead of `numerics`.
        code_sha256: Digest of the code, in old records.
        likelihood: The likelihood, such as ``gaussian:noise_std=0.5``; None for classes.
        model_sha256: SHA-256 of the model's source; None for the models of bdlbench.
        likelihood_kind: ``classes`` or ``real``; None for the likelihoods of bdlbench.
        likelihood_sha256: SHA-256 of the likelihood's source; None for those of bdlbench.
        others: Any further fields of the file.
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
    likelihood: str | None = None
    model_sha256: str | None = None
    likelihood_kind: Literal["classes", "real"] | None = None
    likelihood_sha256: str | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return the JSON content, from which a run's name is derived."""
        known = {name: value for name, value in vars(self).items() if value is not None}
        others = known.pop("others")
        budget = {name: known.pop(name) for name in _BUDGET}
        first = {name: known.pop(name) for name in ("model", "prior_std")}
        return {**first, "budget": budget, **known, **others}


_BUDGET = ("epochs", "draws", "burn_in")
_CONFIGURED = {f.name for f in fields(Configuration)} - {*_BUDGET, "others"}


def configured(content: Mapping[str, Any]) -> Configuration:
    """Parse the configuration in a record's JSON content.

    Raises:
        TypeError: A field is missing.
    """
    known = {name: value for name, value in content.items() if name in _CONFIGURED}
    others = {name: content[name] for name in content if name not in {*_CONFIGURED, "budget"}}
    return Configuration(**known, **content["budget"], others=others)


@dataclass(frozen=True)
class Record:
    """The inputs, outcome and metrics of a run.

    Args:
        run: Name of the run and of its folder.
        task: Name of the task.
        sampler: The sampler and its hyperparameters.
        seed: Random seed.
        configuration: Everything else that determines the run.
        data: SHA-256 of every data set that was read, by name.
        outcome: One of `OUTCOMES`.
        reason: Why the run failed; empty if completed.
        epochs: Epochs used, as counted by the problem.
        draws: Number of draws, over all chains.
        metrics: Metrics by name, as fractions (not percent); empty unless completed.
        scoring: Version of the metrics, the `scores.VERSION` of the run.
        predictions_sha256: Checksum of the predictions; empty unless completed.
        environment: Versions, processor and threads.
        measured: What is not reproducible: wall-clock seconds of sampling and of evaluation, peak
            memory in bytes, and the time at which the run finished (UTC).
        diagnostics: Temperatures and drift of the draws of a sampler that claims to sample, from
            `runs.diagnostics.diagnose`; empty for others, and in older records.
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
    diagnostics: dict[str, float] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return the JSON content."""
        parts = {"sampler": self.sampler.content(), "configuration": self.configuration.content()}
        found = {**vars(self), **parts}
        return found if self.diagnostics else {k: v for k, v in found.items() if k != "diagnostics"}


def parse(content: Mapping[str, Any]) -> Record:
    """Parse the JSON content of a record.

    Raises:
        ValueError: The content is not a record.
    """
    try:
        parts = {
            "sampler": Sampler(**content["sampler"]),
            "configuration": configured(content["configuration"]),
        }
        return Record(**{**content, **parts})
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error
