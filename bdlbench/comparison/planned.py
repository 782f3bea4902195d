"""Plan a comparison: validate the request and list its runs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bdlbench import at_hand, registry
from bdlbench.errors import BdlbenchError
from bdlbench.metrics import plugins
from bdlbench.records import store
from bdlbench.runs import plan
from bdlbench.runs.job import Job
from bdlbench.runs.plan import Candidate, Setup
from bdlbench.runs.tasks import TaskLike
from bdlbench.settings import Spec, integer, parse, shown


@dataclass(frozen=True)
class Planned:
    """A planned comparison.

    Args:
        setup: Task, model, budget and split, shared by all samplers.
        note: Why this task, if it was not given.
        seeds: Seeds of each sampler.
        candidates: The samplers, in the order given.
        data: SHA-256 of the data sets, by name.
        groups: The runs of each sampler, one per seed.
        labels: Names of the samplers in tables, in the same order.
        baseline: Index of the sampler that the others are compared with.
        metrics: Names of further metrics to compare on.
    """

    setup: Setup
    note: str
    seeds: tuple[int, ...]
    candidates: tuple[Candidate, ...]
    data: dict[str, str]
    groups: tuple[tuple[Job, ...], ...]
    labels: tuple[str, ...]
    baseline: int = 0
    metrics: tuple[str, ...] = ()

    @property
    def jobs(self) -> list[Job]:
        """All runs."""
        return [job for group in self.groups for job in group]


MOST_SEEDS = 10_000
EXPECTED_SEEDS = "a positive integer or a list of integers"
LOCAL = "changed numerical code, whose runs are on separate boards; see bdlbench numerics"


def make(
    samplers: Sequence[Any],
    *,
    task: TaskLike | None = None,
    model: Any = None,
    seeds: int | Sequence[int] | None = None,
    epochs: float | None = None,
    draws: int | None = None,
    split: str = "test",
    data_dir: str | os.PathLike[str] | None = None,
    results: str | os.PathLike[str] | None = None,
    device: str = "auto",
    baseline: str | None = None,
    metrics: Sequence[Any] = (),
    data: dict[str, str] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Planned:
    """Plan the runs of a comparison.

    Args:
        samplers: Names or plugin files, such as ``sgld:step_size=1e-5``; classes or instances.
        task: Name or file of a task, or a Task; by default mnist if its data is available, else
            digits.
        model: Name or file of a model, a class or an instance; by default the task's.
        seeds: Number of seeds, or the seeds; each sampler is run once per seed. By default the
            task's number.
        epochs: Budget; by default the task's.
        draws: Draws to keep per run; by default the task's.
        split: ``test``; or ``validation`` for tuning, which trains on the first 90 % of the
            training data and evaluates on the rest.
        data_dir: Data folder, searched first.
        results: Folder or URL of the results; stored runs are reused. By default
            $BDLBENCH_RESULTS, else bdlbench-results.
        device: ``auto``, ``cpu`` or ``cuda``.
        baseline: The sampler that the others are compared with; by default the first.
        metrics: Metrics of one's own to compare on: names or files, classes or instances.
        data: SHA-256 of the data sets, if known.
        say: Called with notes on the choice of the task and on changed code.

    Raises:
        BdlbenchError: The request is invalid, or its data are not available.
    """
    specs = check_samplers(samplers)
    chosen = None if seeds is None else check_seeds(seeds)
    setup, note = plan.set_up(task, model, epochs, split, data_dir, results, device, draws)
    if note:
        say(note)
    candidates = [plan.configure_sampler(spec, setup.task) for spec in specs]
    plan.check_distinct(candidates)
    first = 0 if baseline is None else _index(baseline, candidates)
    store.check_writable(setup.results)
    data = plan.fingerprints(setup) if data is None else data
    candidates = plan.fit_batches(candidates, setup, data)
    chosen = chosen or check_seeds(setup.task.seeds)
    groups = plan.jobs(candidates, setup, data, chosen)
    if local := sorted({one.identity.numerics for one in candidates if one.identity.local}):
        say(f"numerics version {', '.join(local)}: {LOCAL}")
    return Planned(
        setup=setup,
        note=note,
        seeds=chosen,
        candidates=tuple(candidates),
        data=data,
        groups=tuple(map(tuple, groups)),
        labels=plan.labels(candidates),
        baseline=first,
        metrics=tuple(name for each in metrics for name in _metric_names(each, setup)),
    )


def _index(baseline: str, candidates: Sequence[Candidate]) -> int:
    """Return the index of the sampler of this name, or with these hyperparameters."""
    labels = plan.labels(candidates)
    for index, candidate in enumerate(candidates):
        if baseline in (labels[index], candidate.label, candidate.spec.reference):
            return index
    raise BdlbenchError(f"expected --baseline of {', '.join(labels)}, got {baseline!r}")


def check_seeds(seeds: Any) -> tuple[int, ...]:
    """Return the seeds, given as their number or as a list.

    Raises:
        BdlbenchError: It is neither, or a seed is negative or given twice.
    """
    if isinstance(seeds, str) or not isinstance(seeds, Iterable):
        try:
            return tuple(range(integer("seeds", seeds, most=MOST_SEEDS)))
        except BdlbenchError as error:
            message = str(error).replace("a positive integer", EXPECTED_SEEDS)
            raise BdlbenchError(message) from None
    chosen = tuple(integer("seeds", seed, least=0, most=2**53) for seed in seeds)
    if not chosen or len(set(chosen)) < len(chosen):
        raise BdlbenchError(f"seeds: expected {EXPECTED_SEEDS}, each once, got {shown(chosen)}")
    return chosen


def check_samplers(samplers: Any) -> list[Spec]:
    """Parse the samplers, and check their hyperparameters before data are downloaded."""
    if isinstance(samplers, str | Mapping) or not isinstance(samplers, Iterable):
        raise BdlbenchError(f'expected a list of samplers, ["sgd"], got {shown(samplers)}')
    specs = [_spec(one) for one in samplers]
    if not specs:
        raise BdlbenchError("expected at least one sampler, got none; see `bdlbench list samplers`")
    for spec in specs:
        registry.create("samplers", spec)
    return specs


def _metric_names(given: Any, setup: Setup) -> list[str]:
    """Make a metric known, and return its names: one for each OOD set, if it is of these."""
    metric = plugins.use(os.fspath(given) if isinstance(given, os.PathLike) else given)
    if metric.kind not in ("any", setup.task.kind):
        expected = "classes" if setup.task.kind == "classes" else "real targets"
        raise BdlbenchError(f"metric {metric.name}: expected one of {expected}, got {metric.kind}")
    if "<set>" not in metric.name:
        return [metric.name]
    sets = setup.task.ood_names if setup.split == "test" else ()
    return [metric.name.replace("<set>", name) for name in sets]


def _spec(given: Any) -> Spec:
    """Return a reference to a sampler: a name, a file, a class or an instance."""
    if isinstance(given, os.PathLike):
        given = os.fspath(given)
    if isinstance(given, Spec):
        return given
    if isinstance(given, str):
        return parse(given)
    if isinstance(given, type) or dataclasses.is_dataclass(given):
        return at_hand.refer("samplers", given)
    raise BdlbenchError(f'expected the name of a sampler, such as "sgd", got {shown(given)}')
