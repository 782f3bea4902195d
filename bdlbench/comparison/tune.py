"""Tune hyperparameters on the validation split, with a fixed number of trials."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import itemgetter
from typing import Any

from scipy.stats import qmc

from bdlbench import registry, settings
from bdlbench.comparison.planned import Planned, make
from bdlbench.errors import BdlbenchError
from bdlbench.execution import pool
from bdlbench.execution.pool import ExecutionOptions
from bdlbench.records import trials
from bdlbench.records.record import Record
from bdlbench.records.trials import Trial, Tuning
from bdlbench.runs import plan, tasks
from bdlbench.settings import Setting, Spec, parse

RELATIVE = (
    "step_size",
    "learning_rate",
    "constant_rate",
)  # searched from 1/10 to 10 times the value
FIXED = {"dropout": (0.02, 0.5, True), "target_accept_prob": (0.6, 0.95, False)}
OTHERWISE = "damping"  # searched if a sampler has none of the above


@dataclass(frozen=True)
class Range:
    """The search range of a hyperparameter.

    Args:
        low: Lower end.
        high: Upper end.
        log: Whether to search on a logarithmic scale.
    """

    low: float
    high: float
    log: bool

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise BdlbenchError(f"expected a range low..high, got {self.low:g}..{self.high:g}")

    def at(self, share: float) -> float:
        """Map a number in [0, 1] to the range, rounded to three significant digits."""
        if self.log:
            return float(f"{self.low * (self.high / self.low) ** share:.3g}")
        return float(f"{self.low + (self.high - self.low) * share:.3g}")


@dataclass(frozen=True)
class Tuned:
    """The best trial of a sampler.

    Args:
        spec: The sampler with its hyperparameters, as on the command line.
        objective: NLL on the validation set; None if no trial completed.
        trials: Number of trials, including those of earlier calls.
    """

    spec: str
    objective: float | None
    trials: int


def parse_range(text: str) -> tuple[str, Range]:
    """Parse a range such as ``step_size=1e-5..1e-3:log``.

    Raises:
        BdlbenchError: The text is not a range.
    """
    match = re.fullmatch(r"(\w+)=([^.]\S*?)\.\.([^:]+)(:log)?", text)
    try:
        if match is None:
            raise ValueError
        return match[1], Range(float(match[2]), float(match[3]), bool(match[4]))
    except ValueError:
        message = f"expected --search name=low..high or name=low..high:log, got {text!r}"
        raise BdlbenchError(message) from None


def tune(
    samplers: Sequence[str],
    execution: ExecutionOptions,
    *,
    trials: int = 10,
    search: Mapping[str, Range] | None = None,
    **request: Any,
) -> list[Tuned]:
    """Tune the hyperparameters of samplers, with the same number of trials each.

    The first trial has the given hyperparameters, or the task's; the others are a Halton sequence
    in the ranges (ten trials are too few for Bayesian optimization). The trials of all samplers
    run in parallel, and stored trials are reused.

    Args:
        samplers: Samplers, as in a comparison.
        execution: Execution options.
        trials: Number of trials per sampler.
        search: Search ranges by hyperparameter; by default around the sampler's learning rates.
        request: Task, model, seeds, epochs, data_dir, results and device, as in `planned.make`.

    Raises:
        BdlbenchError: A sampler has nothing to search, or the request is invalid.
    """
    if trials < 1:
        raise BdlbenchError(f"expected --trials of at least 1, got {trials}")
    task = tasks.get(request["task"])
    groups = [_trials(parse(text), task, trials, search or {}) for text in samplers]
    planned = make(
        [str(spec) for group in groups for spec in group],
        **{"seeds": 1, **request, "split": "validation"},
    )
    records, _ = pool.complete(planned.jobs, execution)
    ends = [sum(map(len, groups[: index + 1])) for index in range(len(groups))]
    return [
        _select(planned, slice(end - len(group), end), records)
        for group, end in zip(groups, ends, strict=True)
    ]


def _trials(spec: Spec, task: tasks.Task, trials: int, search: Mapping[str, Range]) -> list[Spec]:
    """Return the distinct configurations to try."""
    candidate = plan.configure_sampler(spec, task)
    ranges = _ranges(candidate.name, candidate.settings, search)
    kinds = settings.fields(registry.load("samplers", spec.reference))
    shares = qmc.Halton(len(ranges), rng=0).random(20 * trials)
    specs: dict[tuple[Setting, ...], Spec]
    specs = {tuple(candidate.settings[name] for name in ranges): spec}
    for row in shares:
        values = [where.at(share) for where, share in zip(ranges.values(), row, strict=True)]
        typed = [int(v) if kinds[n] is int else v for n, v in zip(ranges, values, strict=True)]
        pairs = dict(spec.settings) | {n: str(v) for n, v in zip(ranges, typed, strict=True)}
        if len(specs) < trials:
            specs.setdefault(tuple(typed), replace(spec, settings=tuple(pairs.items())))
    return list(specs.values())


def _ranges(
    sampler: str, current: Mapping[str, Setting], search: Mapping[str, Range]
) -> dict[str, Range]:
    """Return the search ranges of a sampler's hyperparameters."""
    given = {name: where for name, where in search.items() if name in current}
    if given:
        return given
    rates = {n: v for n, v in current.items() if n in RELATIVE and isinstance(v, float)}
    ranges = {name: Range(value / 10, value * 10, log=True) for name, value in rates.items()}
    ranges |= {name: Range(*FIXED[name]) for name in current if name in FIXED}
    if not ranges and isinstance(value := current.get(OTHERWISE), float):
        ranges = {OTHERWISE: Range(value / 10, value * 10, log=True)}
    if not ranges:
        raise BdlbenchError(
            f"{sampler} has no default search range; give one with --search "
            f"(it has {', '.join(current)})"
        )
    return ranges


def _select(planned: Planned, part: slice, records: Mapping[str, Record]) -> Tuned:
    """Select a sampler's best trial, and store all trials with those of earlier calls.

    Hyperparameters that failed in any trial are not selected, even if other seeds completed.
    """
    setup, candidates = planned.setup, planned.candidates[part]
    where = setup.results, setup.task.name, setup.model, candidates[0].name
    new = [
        _trial(candidate, [records[job.run] for job in jobs])
        for candidate, jobs in zip(candidates, planned.groups[part], strict=True)
    ]
    runs = [trial.runs for trial in new]
    all_trials = [trial for trial in trials.read(*where).trials if trial.runs not in runs] + new
    comparable = [trial for trial in all_trials if _version(trial) == _version(new[0])]
    failed = [trial.settings for trial in comparable if trial.objective is None]
    scored = [
        (trial.objective, trial)
        for trial in comparable
        if trial.objective is not None and trial.settings not in failed
    ]
    objective, best = min(scored, key=itemgetter(0), default=(None, None))
    trials.write(*where, Tuning(best.settings if best else None, all_trials))
    return Tuned((best or new[0]).spec, objective, len(all_trials))


def _version(trial: Trial) -> tuple[float, str | None, str]:
    """Return the properties that comparable trials have in common."""
    return trial.epochs, trial.numerics, trial.source_sha256


def _trial(candidate: plan.Candidate, seeds: Sequence[Record]) -> Trial:
    """Make a trial from its runs; the objective is the mean over seeds, if all completed."""
    values = [record.metrics.get(trials.OBJECTIVE) for record in seeds]
    completed = [value for value in values if value is not None]
    return Trial(
        spec=candidate.label,
        settings=candidate.settings,
        **asdict(candidate.identity),
        epochs=seeds[0].configuration.epochs,
        runs=[record.run for record in seeds],
        outcomes=[record.outcome for record in seeds],
        objective=statistics.mean(completed) if len(completed) == len(values) else None,
    )
