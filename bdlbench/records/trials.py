"""The tuning trials of a sampler, stored with the results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from bdlbench.settings import Setting
from bdlbench.storage import documents
from bdlbench.storage.files import write_file
from bdlbench.storage.published import kept

OBJECTIVE = "negative_log_likelihood"
SCHEMA = 1
REMEDY = "delete it and tune again"
_FIELDS = {
    "schema": documents.NUMBER,
    "chosen": f"{documents.OBJECT} or {documents.NULL}",
    "trials": documents.LIST,
}
_TRIAL = {
    "spec": documents.TEXT,
    "settings": documents.OBJECT,
    "source_sha256": documents.TEXT,
    "epochs": documents.NUMBER,
    "runs": documents.LIST,
    "objective": f"{documents.NUMBER} or {documents.NULL}",
}


def file_of(task: str, model: str, sampler: str) -> str:
    """Return the path of the file, relative to the results."""
    return f"tuning/{task}-{re.sub('[^a-z0-9]+', '-', model)}-{sampler}.json"


def objective(metrics: Mapping[str, float]) -> float | None:
    """Return the mean of −log p(y∣x): of class probabilities, or of densities of real targets."""
    if "lppd" in metrics:
        return -metrics["lppd"]
    return metrics.get(OBJECTIVE)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One evaluation of a hyperparameter configuration on the validation split.

    Args:
        spec: The sampler with these hyperparameters, as on the command line.
        settings: All hyperparameters.
        numerics: The numerics version; None in old trials.
        source_sha256: As in a record.
        epochs: Budget per run.
        runs: Names of the runs, one per seed.
        outcomes: Outcomes of the runs.
        objective: Mean NLL over the runs; None if any run failed.
        held: Hyperparameters that were held at another value than the task's.
    """

    spec: str
    settings: Mapping[str, Setting]
    numerics: str | None = None
    source_sha256: str
    epochs: float
    runs: Sequence[str]
    outcomes: Sequence[str] = ()
    objective: float | None
    held: Mapping[str, Setting] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Return the JSON content."""
        absent: dict[str, Any] = {"numerics": None, "held": {}}
        return {n: v for n, v in vars(self).items() if n not in absent or v != absent[n]}


@dataclass(frozen=True)
class Variant:
    """What was selected with some hyperparameters held, which makes a row of its own.

    Args:
        held: These hyperparameters.
        chosen: All selected hyperparameters.
        counted: Number of trials that they were selected from.
    """

    held: Mapping[str, Setting]
    chosen: Mapping[str, Setting]
    counted: int


@dataclass(frozen=True)
class Tuning:
    """The trials of a sampler, and the selected hyperparameters, if any.

    Args:
        chosen: The selected hyperparameters.
        trials: All trials, also at other budgets.
        counted: Number of trials that they were selected from; None in old files: all.
        variants: What was selected with some hyperparameters held at another value.
    """

    chosen: Mapping[str, Setting] | None = None
    trials: Sequence[Trial] = ()
    counted: int | None = None
    variants: Sequence[Variant] = ()

    def choose(
        self, held: Mapping[str, Setting], chosen: Mapping[str, Setting] | None, counted: int
    ) -> Tuning:
        """Return the trials with another choice; None removes that of earlier calls."""
        if not held:
            return replace(self, chosen=chosen, counted=None if chosen is None else counted)
        others = [variant for variant in self.variants if variant.held != held]
        added = [] if chosen is None else [Variant(held, chosen, counted)]
        return replace(self, variants=[*others, *added])

    def chosen_with(self, held: Mapping[str, Setting]) -> Mapping[str, Setting] | None:
        """Return the selected hyperparameters, if any, where some were held."""
        found = [variant.chosen for variant in self.variants if variant.held == held]
        return next(iter(found), None) if held else self.chosen


def read(results: Path, task: str, model: str, sampler: str) -> Tuning:
    """Load the trials of a sampler: from `results`, else those installed with bdlbench.

    Raises:
        RecordError: The file is corrupt.
    """
    path = kept(results, file_of(task, model, sampler))
    if path is None:
        return Tuning()
    content = documents.read(path, REMEDY, _FIELDS)
    with documents.reading(path, REMEDY):
        if content["schema"] != SCHEMA:
            raise ValueError(f"expected trials of schema {SCHEMA}")
        for trial in content["trials"]:
            documents.check(trial, _TRIAL, "a trial")
        variants = [Variant(**variant) for variant in content.get("variants", ())]
    names = [field.name for field in fields(Trial)]
    trials = [Trial(**{n: trial[n] for n in names if n in trial}) for trial in content["trials"]]
    return Tuning(content["chosen"], trials, content.get("counted"), variants)


def write(results: Path, task: str, model: str, sampler: str, tuning: Tuning) -> None:
    """Store the trials and the selected hyperparameters.

    Raises:
        RecordError: The folder is not writable.
    """
    facts: dict[str, Any] = {"schema": SCHEMA, "task": task, "model": model, "sampler": sampler}
    facts |= {"split": "validation", "objective": OBJECTIVE}
    facts |= {"chosen": tuning.chosen, "counted": tuning.counted}
    if tuning.variants:
        facts |= {"variants": [vars(variant) for variant in tuning.variants]}
    facts |= {"trials": [trial.content() for trial in tuning.trials]}
    write_file(results / file_of(task, model, sampler), documents.to_json(facts))


def count(
    results: Path, task: str, model: str, sampler: str, settings: Mapping[str, Setting]
) -> int:
    """Return the number of trials these hyperparameters were selected from; 0 if unknown."""
    tuning = read(results, task, model, sampler)
    if tuning.chosen == settings:
        every = sum(not trial.held for trial in tuning.trials)
        return every if tuning.counted is None else tuning.counted
    return next((one.counted for one in tuning.variants if one.chosen == settings), 0)
