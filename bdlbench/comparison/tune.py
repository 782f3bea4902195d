"""Tune a sampler's hyperparameters on the validation split, with a fixed number of trials."""

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

RELATIVE = ("step_size", "learning_rate", "constant_rate")  # searched from a tenth to ten times it
FIXED = {"dropout": (0.02, 0.5, True), "target_accept_prob": (0.6, 0.95, False)}
OTHERWISE = "damping"  # searched for samplers with none of these


@dataclass(frozen=True)
class Range:
    """The search range of a hyperparameter.

    Args:
        low: The least value.
        high: The greatest.
        log: Evenly in the logarithm.
    """

    low: float
    high: float
    log: bool

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise BdlbenchError(f"expected a range low..high, got {self.low:g}..{self.high:g}")

    def at(self, share: float) -> float:
        """Return the value at a share of the way from low to high, to three digits."""
        if self.log:
            return float(f"{self.low * (self.high / self.low) ** share:.3g}")
        return float(f"{self.low + (self.high - self.low) * share:.3g}")


@dataclass(frozen=True)
class Tuned:
    """The outcome of tuning one sampler.

    Args:
        spec: The sampler with the best of its settings, to be pasted into a command.
        objective: Negative log-likelihood on the validation set; None if no trial completed.
        trials: Number of trials, those of earlier calls included.
    """

    spec: str
    objective: float | None
    trials: int


def parse_range(text: str) -> tuple[str, Range]:
    """Read ``step_size=1e-5..1e-3:log``.

    Raises:
        BdlbenchError: It is not of that form.
    """
    found = re.fullmatch(r"(\w+)=([^.]\S*?)\.\.([^:]+)(:log)?", text)
    try:
        if found is None:
            raise ValueError
        return found[1], Range(float(found[2]), float(found[3]), bool(found[4]))
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

    The first trial has the settings as they are given, or the task's; the others lie evenly in the
    ranges (a Halton sequence: with ten trials, a model of the objective has nothing to go by).
    The trials of all samplers run in parallel; stored ones are not repeated.

    Args:
        samplers: As for a comparison.
        execution: How trials are executed.
        trials: Number of trials of each sampler.
        search: Where to search, by setting; else around what the sampler's rates are.
        request: Task, model, seeds, epochs, data_dir, results, device: see `planned.make`.

    Raises:
        BdlbenchError: There is nothing to search, or what was asked for cannot be done.
    """
    if trials < 1:
        raise BdlbenchError(f"expected --trials of at least 1, got {trials}")
    task = tasks.get(request["task"])
    groups = [_trials(parse(text), task, trials, search or {}) for text in samplers]
    planned = make(
        [str(spec) for group in groups for spec in group],
        **{"seeds": 1, **request, "split": "validation"},
    )
    found, _ = pool.complete(planned.jobs, execution)
    ends = [sum(map(len, groups[: index + 1])) for index in range(len(groups))]
    return [
        _choose(planned, slice(end - len(group), end), found)
        for group, end in zip(groups, ends, strict=True)
    ]


def _trials(spec: Spec, task: tasks.Task, trials: int, search: Mapping[str, Range]) -> list[Spec]:
    """Return the trials of a sampler, each with different hyperparameters."""
    candidate = plan.configure_sampler(spec, task)
    ranges = _ranges(candidate.name, candidate.settings, search)
    kinds = settings.fields(registry.load("samplers", spec.reference))
    shares = qmc.Halton(len(ranges), rng=0).random(20 * trials)
    found: dict[tuple[Setting, ...], Spec]
    found = {tuple(candidate.settings[name] for name in ranges): spec}
    for row in shares:
        values = [where.at(share) for where, share in zip(ranges.values(), row, strict=True)]
        whole = [int(v) if kinds[n] is int else v for n, v in zip(ranges, values, strict=True)]
        pairs = dict(spec.settings) | {n: str(v) for n, v in zip(ranges, whole, strict=True)}
        if len(found) < trials:
            found.setdefault(tuple(whole), replace(spec, settings=tuple(pairs.items())))
    return list(found.values())


def _ranges(
    sampler: str, current: Mapping[str, Setting], search: Mapping[str, Range]
) -> dict[str, Range]:
    """Return the search ranges of a sampler's hyperparameters."""
    given = {name: where for name, where in search.items() if name in current}
    if given:
        return given
    rates = {n: v for n, v in current.items() if n in RELATIVE and isinstance(v, float)}
    found = {name: Range(value / 10, value * 10, log=True) for name, value in rates.items()}
    found |= {name: Range(*FIXED[name]) for name in current if name in FIXED}
    if not found and isinstance(value := current.get(OTHERWISE), float):
        found = {OTHERWISE: Range(value / 10, value * 10, log=True)}
    if not found:
        raise BdlbenchError(
            f"{sampler} has no rate to search for; say what to search with --search (it has "
            f"{', '.join(current)})"
        )
    return found


def _choose(planned: Planned, part: slice, found: Mapping[str, Record]) -> Tuned:
    """Select the best of a sampler's trials, and store them with those of earlier calls.

    Settings that failed in any trial are not chosen, however good they were with other seeds.
    """
    setup, candidates = planned.setup, planned.candidates[part]
    where = setup.results, setup.task.name, setup.model, candidates[0].name
    made = [
        _trial(candidate, [found[job.run] for job in jobs])
        for candidate, jobs in zip(candidates, planned.groups[part], strict=True)
    ]
    runs = [trial.runs for trial in made]
    known = [trial for trial in trials.read(*where).trials if trial.runs not in runs] + made
    alike = [trial for trial in known if _version(trial) == _version(made[0])]
    failed = [trial.settings for trial in alike if trial.objective is None]
    scored = [
        (trial.objective, trial)
        for trial in alike
        if trial.objective is not None and trial.settings not in failed
    ]
    objective, best = min(scored, key=itemgetter(0), default=(None, None))
    trials.write(*where, Tuning(best.settings if best else None, known))
    return Tuned((best or made[0]).spec, objective, len(known))


def _version(trial: Trial) -> tuple[float, str | None, str]:
    """Return what trials must share to be compared."""
    return trial.epochs, trial.numerics, trial.source_sha256


def _trial(candidate: plan.Candidate, seeds: Sequence[Record]) -> Trial:
    """Return a trial for storage: the objective is the mean over seeds, if all completed."""
    values = [record.metrics.get(trials.OBJECTIVE) for record in seeds]
    known = [value for value in values if value is not None]
    return Trial(
        spec=candidate.label,
        settings=candidate.settings,
        **asdict(candidate.identity),
        epochs=seeds[0].configuration.epochs,
        runs=[record.run for record in seeds],
        outcomes=[record.outcome for record in seeds],
        objective=statistics.mean(known) if len(known) == len(values) else None,
    )
