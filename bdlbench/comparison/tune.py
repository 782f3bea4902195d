"""Tune hyperparameters on the validation split, with a fixed number of trials."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from operator import itemgetter
from typing import Any

from scipy.stats import qmc

from bdlbench import registry, settings
from bdlbench.comparison.planned import Planned, check_samplers, make
from bdlbench.comparison.ranges import Range, check_search, ranges_of
from bdlbench.execution import pool
from bdlbench.execution.pool import ExecutionOptions
from bdlbench.posterior.likelihoods import Kind
from bdlbench.records import trials
from bdlbench.records.record import COMPLETED, DIVERGED, Record
from bdlbench.records.trials import Trial
from bdlbench.runs import plan, tasks
from bdlbench.runs.job import Job
from bdlbench.runs.plan import Candidate
from bdlbench.runs.task import Task
from bdlbench.settings import Setting, Spec, integer


@dataclass(frozen=True)
class Tuned:
    """The best trial of a sampler.

    Args:
        spec: The sampler with its hyperparameters, as on the command line.
        objective: NLL on the validation set (−LPPD of real targets); None if no trial completed.
        trials: Number of comparable trials, including those of earlier calls.
        outcomes: Of the trials of this call: ``completed``, or that of a run that was not.
        kind: What is predicted: ``classes``, or ``real`` targets.
    """

    spec: str
    objective: float | None
    trials: int
    outcomes: tuple[str, ...]
    kind: Kind = "classes"

    def result(self) -> str:
        """Return the score of the best trial: the NLL, or the LPPD of real targets."""
        value = self.objective or 0.0
        score = f"NLL {value:.4f}" if self.kind == "classes" else f"LPPD {-value:.4f}"
        return f"{self.spec}: validation {score}, best of {self.trials} trials"

    def complaint(self) -> str:
        """Return how many trials of this call failed; empty if none."""
        failed = Counter(outcome for outcome in self.outcomes if outcome != COMPLETED)
        name, remedy = self.spec.partition(":")[0], "see `bdlbench status`"
        if failed.keys() == {DIVERGED}:
            remedy = "lower the search range"
        counts = ", ".join(
            f"{n} of {len(self.outcomes)} trials {'' if o == DIVERGED else 'ended with '}{o}"
            for o, n in failed.items()
        )
        return f"{name}: {counts}; {remedy}" if counts else ""


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
    run in parallel, and stored trials are reused. A sampler with a hyperparameter that is given,
    not searched, and other than the task's is chosen for, and counted, separately.

    Args:
        samplers: Samplers, as in a comparison.
        execution: Execution options.
        trials: Number of trials per sampler.
        search: Search ranges by hyperparameter; by default around the sampler's learning rates.
        request: Task, model, seeds, epochs, data_dir, results and device, as in `planned.make`.

    Raises:
        BdlbenchError: A sampler has nothing to search, or the request is invalid.
    """
    integer("trials", trials, most=1000)
    search = search or {}
    task, specs = tasks.get(request["task"]), check_samplers(samplers)
    candidates = [plan.configure_sampler(spec, task) for spec in specs]
    check_search(candidates, search)
    groups = [_trials(candidate, trials, search) for candidate in candidates]
    planned = make(
        [spec for group in groups for spec in group],
        **{"seeds": 1, **request, "split": "validation"},
    )
    records, _ = pool.complete(planned.jobs, execution)
    ends = [sum(map(len, groups[: index + 1])) for index in range(len(groups))]
    return [
        _select(planned, slice(end - len(group), end), records, _held(candidate, task, search))
        for candidate, group, end in zip(candidates, groups, ends, strict=True)
    ]


def _held(candidate: Candidate, task: Task, search: Mapping[str, Range]) -> dict[str, Setting]:
    """Return the hyperparameters that are given, not searched, and other than the task's."""
    usual = plan.configure_sampler(replace(candidate.spec, settings=()), task).settings
    searched = ranges_of(candidate.name, candidate.settings, search)
    given = [name for name, _ in candidate.spec.settings if name not in searched]
    return {n: candidate.settings[n] for n in given if candidate.settings[n] != usual[n]}


def _trials(candidate: Candidate, trials: int, search: Mapping[str, Range]) -> list[Spec]:
    """Return the distinct configurations to try."""
    spec = candidate.spec
    ranges = ranges_of(candidate.name, candidate.settings, search)
    kinds = settings.fields(registry.load("samplers", spec.reference))
    whole = {name for name in ranges if settings.number_type(kinds[name]) is int}
    shares = qmc.Halton(len(ranges), rng=0).random(20 * trials)
    specs: dict[tuple[Setting, ...], Spec]
    specs = {tuple(candidate.settings[name] for name in ranges): spec}
    for row in shares:
        values = [where.at(share) for where, share in zip(ranges.values(), row, strict=True)]
        typed = [int(v) if n in whole else v for n, v in zip(ranges, values, strict=True)]
        pairs = dict(spec.settings) | {n: str(v) for n, v in zip(ranges, typed, strict=True)}
        if len(specs) < trials:
            specs.setdefault(tuple(typed), replace(spec, settings=tuple(pairs.items())))
    return list(specs.values())


def _select(
    planned: Planned, part: slice, records: Mapping[str, Record], held: Mapping[str, Setting]
) -> Tuned:
    """Select a sampler's best trial, and store all trials with those of earlier calls.

    Hyperparameters that failed in any trial are not selected, even if other seeds completed.
    """
    setup, candidates = planned.setup, planned.candidates[part]
    where = setup.results, setup.task.name, setup.model, candidates[0].name
    new = [
        replace(_trial(candidate, [records[job.run] for job in jobs]), held=held)
        for candidate, jobs in zip(candidates, planned.groups[part], strict=True)
    ]
    runs = [trial.runs for trial in new]
    earlier = trials.read(*where)
    all_trials = [trial for trial in earlier.trials if trial.runs not in runs] + new
    like = planned.groups[part][0][0]
    counted = [one for one in all_trials if one.held == held and _is_comparable(one, like)]
    failed = [trial.settings for trial in counted if trial.objective is None]
    scored = [
        (trial.objective, trial)
        for trial in counted
        if trial.objective is not None and trial.settings not in failed
    ]
    objective, best = min(scored, key=itemgetter(0), default=(None, None))
    before = earlier.chosen_with(held)
    if best is not None:
        earlier = earlier.choose(held, best.settings, len(counted))
    elif any(one.settings == before for one in counted if one.objective is not None):
        earlier = earlier.choose(held, None, 0)
    trials.write(*where, replace(earlier, trials=all_trials))
    outcomes = tuple(
        next((outcome for outcome in trial.outcomes if outcome != COMPLETED), COMPLETED)
        for trial in new
    )
    spec = (best or new[0]).spec
    return Tuned(spec, objective, len(counted), outcomes, setup.task.kind)


def _is_comparable(trial: Trial, job: Job) -> bool:
    """Return whether a trial differs from a run of this call in its hyperparameters only.

    The names of runs are derived from the task, model, budget, split, data, device and numerics.
    """
    sampler = replace(job.sampler, settings=dict(trial.settings))
    stem = plan.stem(job.task, sampler, job.configuration, job.data)
    return all(run.rpartition("-")[0] == stem for run in trial.runs)


def _trial(candidate: Candidate, seeds: Sequence[Record]) -> Trial:
    """Make a trial from its runs; the objective is the mean over seeds, if all completed."""
    values = [trials.objective(record.metrics) for record in seeds]
    completed = [value for value in values if value is not None]
    return Trial(
        spec=str(candidate.spec),
        settings=candidate.settings,
        **asdict(candidate.identity),
        epochs=seeds[0].configuration.epochs,
        runs=[record.run for record in seeds],
        outcomes=[record.outcome for record in seeds],
        objective=statistics.mean(completed) if len(completed) == len(values) else None,
    )
