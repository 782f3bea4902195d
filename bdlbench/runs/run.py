"""Execute a run: sample, predict, score, store."""

from __future__ import annotations

import sys
import time
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import Any

import torch

from bdlbench.data.examples import Examples
from bdlbench.data.scaler import Scaler
from bdlbench.errors import DataError, Diverged
from bdlbench.metrics.scores import score
from bdlbench.posterior.potential import Posterior, build_posterior
from bdlbench.problem import Budget, Problem
from bdlbench.records import store
from bdlbench.records.record import COMPLETED, DIVERGED, Record
from bdlbench.runs import machine, task_data
from bdlbench.runs.diagnostics import diagnose
from bdlbench.runs.draws import Draws
from bdlbench.runs.evaluate import predict
from bdlbench.runs.job import Job
from bdlbench.runs.sampling import Outcome, sample
from bdlbench.runs.task import Task
from bdlbench.runs.work import OnProgress, Work


def execute(job: Job, on_progress: OnProgress = lambda phase, fraction: None) -> Record:
    """Execute a run and store it.

    Torch uses one thread, so that results do not depend on the load of the machine. Test and OOD
    data are loaded only after the sampler has finished.

    Raises:
        DataError: The data changed since the job was planned.
        RecordError: The run cannot be stored.
    """
    device = torch.device(job.configuration.device)
    # Standard output is reserved for the table; plugins print to standard error.
    with machine.one_thread(), redirect_stdout(sys.stderr):
        task = job.load_task()
        problem, posterior, scaler, work = _prepare(job, task, device, on_progress)
        machine.warm_up()
        machine.reset_peak_memory(device)
        with Draws(problem.chains, problem.dim) as draws:
            result = sample(job, problem, draws, device)
            started = time.perf_counter()
            if result.outcome == COMPLETED:
                work.evaluate(len(draws))
                try:
                    result.sets = predict(
                        posterior.network,
                        draws,
                        _evaluation_sets(job, task),
                        scaler,
                        device,
                        work.evaluated,
                        epochs=result.epochs,
                        likelihood=posterior.likelihood,
                    )
                except Diverged as error:
                    result.outcome, result.reason = DIVERGED, str(error)
            if result.outcome == COMPLETED and result.exact:
                result.diagnostics = diagnose(posterior, draws, job.seed)
            measured = {
                "seconds": result.seconds,
                "evaluation_seconds": time.perf_counter() - started,
                "peak_memory_bytes": machine.peak_memory(device),
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            record = _record(job, problem, len(draws), result, measured)
        return store.write(job.results, record, result.sets)


def _prepare(
    job: Job, task: Task, device: torch.device, on_progress: OnProgress
) -> tuple[Problem, Posterior, Scaler, Work]:
    """Build the problem from the training data only."""
    settings = job.configuration
    examples = task_data.training_set(task, settings.split, job.search_folders)
    _check_data(job, "train", examples)
    posterior, scaler = build_posterior(
        examples, job.load_model(task), settings.prior_std, device, task.likelihood
    )
    budget = Budget(settings.epochs, settings.draws, settings.burn_in)
    inputs = task_data.evaluation_size(task, settings.split)
    work = Work(budget.epochs * posterior.n, budget.draws, inputs, on_progress)
    problem = Problem(posterior, budget, on_progress=work.sampled)
    return problem, posterior, scaler, work


def _evaluation_sets(job: Job, task: Task) -> dict[str, Examples]:
    split = job.configuration.split
    sets = task_data.evaluation_sets(task, split, job.search_folders)
    for name, examples in sets.items():
        _check_data(job, name, examples)
    return sets


def _check_data(job: Job, name: str, examples: Examples) -> None:
    if examples.sha256 != job.data[name]:
        raise DataError(f"{job.task}: the {name} data changed since the run was planned; run again")


def _record(
    job: Job, problem: Problem, draws: int, result: Outcome, measured: dict[str, Any]
) -> Record:
    device = torch.device(job.configuration.device)
    return job.record(
        outcome=result.outcome,
        reason=result.reason,
        epochs=problem.epochs,
        draws=draws,
        metrics=score(result.sets) if result.sets else {},
        environment=machine.environment(device),
        measured=measured,
        diagnostics=result.diagnostics,
    )
