"""Plan jobs; a run's name is derived from everything that determines the run."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bdlbench import at_hand, registry
from bdlbench.data import shared
from bdlbench.data.examples import search_folders
from bdlbench.errors import BdlbenchError, DataMissing, PluginError
from bdlbench.records import trials
from bdlbench.records.record import Configuration, Sampler
from bdlbench.runs import chosen_models, machine, numerics, task_data, tasks
from bdlbench.runs.job import Job
from bdlbench.runs.numerics import Identity, is_built_in
from bdlbench.runs.recorded_likelihood import recorded
from bdlbench.runs.task import SPLITS, Task
from bdlbench.runs.tasks import TaskLike
from bdlbench.settings import Setting, Spec, differing, integer, positive, shown
from bdlbench.storage.documents import to_json
from bdlbench.storage.locations import absolute, results_at

log = logging.getLogger(__name__)
EMBEDDED = "comparing on the embedded task digits; see bdlbench doctor"


@dataclass(frozen=True)
class Candidate:
    """A sampler of a comparison, with all of its hyperparameters."""

    spec: Spec
    name: str
    settings: dict[str, Setting]
    identity: Identity
    module: str

    @property
    def label(self) -> str:
        """The name and the hyperparameters given, as on the command line."""
        return str(replace(self.spec, reference=self.name))


@dataclass(frozen=True)
class Setup:
    """What all samplers of a comparison share.

    Args:
        task: The task, with the requested budget.
        model: Name of the model, as in records.
        split: ``test``, or ``validation`` for tuning.
        device: ``cpu`` or ``cuda``.
        results: Folder of the results.
        data_dir: Folder searched for data first.
        task_reference: Reference of the task, as for `tasks.get`.
        model_reference: Reference of the model, as for `chosen_models.find`; empty for the task's.
        model_sha256: SHA-256 of the model's source; None for the models of bdlbench.
    """

    task: Task
    model: str
    split: str
    device: str
    results: Path
    data_dir: Path | None
    task_reference: str = ""
    model_reference: str = ""
    model_sha256: str | None = None

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise BdlbenchError(f"expected --split {' or '.join(SPLITS)}, got {self.split!r}")


def set_up(
    task: TaskLike | None,
    model: Any,
    epochs: float | None,
    split: str,
    data_dir: str | os.PathLike[str] | None,
    results: str | os.PathLike[str] | None,
    device: str,
    draws: int | None = None,
) -> tuple[Setup, str]:
    """Validate options, and fill in defaults.

    Returns:
        The setup, and a note on the choice of the task if `task` is None.
    """
    budget: dict[str, Any] = {}
    if epochs is not None:
        budget["epochs"] = positive("epochs", epochs)
    if draws is not None:
        budget["draws"] = integer("draws", draws)
    folder = _folder(data_dir)
    chosen, note = _choose_task(task, folder)
    reference = tasks.refer(task if task is not None else chosen.name)
    chosen = replace(chosen, budget=replace(chosen.budget, **budget))
    given = chosen.model if model is None else model
    built = chosen_models.find(given)
    setup = Setup(
        task=chosen,
        model=chosen_models.label(built),
        model_reference="" if model is None else chosen_models.refer(given),
        model_sha256=chosen_models.source_digest(built),
        task_reference=reference,
        split=split,
        device=machine.choose_device(device),
        results=results_at(results),
        data_dir=folder,
    )
    return setup, note


def _folder(data_dir: str | os.PathLike[str] | None) -> Path | None:
    """Return the data folder; whether it exists is checked before anything is written."""
    if data_dir is not None and not isinstance(data_dir, str | os.PathLike):
        raise BdlbenchError(f"data_dir: expected a folder, got {shown(data_dir)}")
    folder = None if data_dir is None else Path(data_dir)
    search_folders(folder)
    return folder


def _choose_task(name: TaskLike | None, data_dir: Path | None) -> tuple[Task, str]:
    """Return the named task; by default mnist if its data is available, else digits."""
    if name is not None:
        return tasks.get(name), ""
    for split, needed in (("train", "mnist"), ("test", "mnist"), ("test", "notmnist")):
        try:
            task_data.load(split, needed, search_folders(data_dir))
        except DataMissing as error:
            log.debug("%s", error.__cause__ or error)
            return tasks.get("digits"), f"data set {needed} is not available: {EMBEDDED}"
    return tasks.get("mnist"), "task mnist, since its data is available"


def configure_sampler(spec: Spec, task: Task) -> Candidate:
    """Load a sampler; its hyperparameters are the user's, else the task's, else its defaults."""
    plugin = registry.load("samplers", spec.reference)
    name = vars(plugin)["plugin_name"]
    defaults = {} if spec.complete else task.settings.get(name, {})
    instance = registry.configure(plugin, {**defaults, **dict(spec.settings)})
    identity = numerics.identify(plugin)
    return Candidate(spec, name, asdict(instance), identity, plugin.__module__)


def labels(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Name samplers as given; those of the same name by the hyperparameters that differ."""
    return tuple(_label(one, [c for c in candidates if c.name == one.name]) for one in candidates)


def _label(candidate: Candidate, alike: Sequence[Candidate]) -> str:
    settings = differing(candidate.settings, [other.settings for other in alike])
    pairs = tuple((name, str(value)) for name, value in settings.items())
    return str(Spec(candidate.name, pairs)) if pairs else candidate.label


def fingerprints(setup: Setup) -> dict[str, str]:
    """Return the SHA-256 of the training and evaluation sets, by name; runs will share the data."""
    digests, loaded = task_data.identify(setup.task, setup.split, search_folders(setup.data_dir))
    shared.keep(digests, loaded)
    return digests


def fit_batches(
    candidates: Sequence[Candidate], setup: Setup, data: Mapping[str, str]
) -> list[Candidate]:
    """Lower default batch sizes to the number of training examples; those given are kept."""
    n = task_data.training_size(setup.task, setup.split, data)
    return [
        replace(each, settings={**each.settings, "batch_size": n})
        if n and _is_default_batch(each, n)
        else each
        for each in candidates
    ]


def _is_default_batch(candidate: Candidate, most: int) -> bool:
    size = candidate.settings.get("batch_size")
    given = "batch_size" in dict(candidate.spec.settings) or candidate.spec.complete
    return isinstance(size, int) and size > most and not given


def data_folders(setup: Setup) -> tuple[Path, ...]:
    """Return the absolute paths of the folders searched for data."""
    return tuple(folder.absolute() for folder in search_folders(setup.data_dir))


def jobs(
    candidates: Sequence[Candidate],
    setup: Setup,
    data: dict[str, str],
    seeds: Sequence[int],
) -> list[list[Job]]:
    """Return the jobs of every candidate, one per seed."""
    task, folders = setup.task, data_folders(setup)
    shared_by_all = at_hand.carry((setup.task_reference, setup.model_reference.partition(":")[0]))
    planned, likelihood = [], recorded(task.likelihood)
    for candidate in candidates:
        carried = {**shared_by_all, **at_hand.carry([candidate.spec.reference])}
        count = trials.count(
            setup.results, task.name, setup.model, candidate.name, candidate.settings
        )
        sampler = Sampler(
            candidate.name, candidate.settings, candidate.identity.source_sha256, count
        )
        configuration = Configuration(
            model=setup.model,
            prior_std=task.prior_std,
            **asdict(task.budget),
            split=setup.split,
            device=setup.device,
            numerics=candidate.identity.numerics,
            likelihood=likelihood.label,
            likelihood_kind=likelihood.named_kind,
            likelihood_sha256=likelihood.sha256,
            model_sha256=setup.model_sha256,
        )
        name = stem(task.name, sampler, configuration, data)
        planned.append(
            [
                Job(
                    run=f"{name}-{seed}",
                    reference=_absolute(candidate.spec.reference),
                    sampler=sampler,
                    task=task.name,
                    seed=seed,
                    configuration=configuration,
                    data=data,
                    results=absolute(setup.results),
                    folders=folders,
                    module=candidate.module if is_built_in(candidate.module) else "",
                    task_reference=setup.task_reference,
                    model_reference=setup.model_reference,
                    carried=carried,
                )
                for seed in seeds
            ]
        )
    return planned


def stem(task: str, sampler: Sampler, made: Configuration, data: Mapping[str, str]) -> str:
    """Return the name of a run without its seed."""
    identity = [sampler.name, sampler.settings, sampler.source_sha256]
    content = to_json([identity, task, made.content(), data])
    return f"{task}-{sampler.name}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"


def _absolute(reference: str) -> str:
    """Return the plugin reference with an absolute path."""
    return str(Path(reference).absolute()) if reference.endswith(".py") else reference


def check_distinct(candidates: Sequence[Candidate]) -> None:
    """Raise a PluginError if two samplers are the same, with the same hyperparameters."""
    seen: dict[str, str] = {}
    for candidate in candidates:
        key = to_json([candidate.name, candidate.settings, candidate.identity.source_sha256])
        if key in seen:
            raise PluginError(
                f"{candidate.label} is the same as {seen[key]}; name each sampler once"
            )
        seen[key] = candidate.label
