"""Carry out one run: sample, predict, score, and keep it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from bdlbench import machine, models, provenance, records, registry, tasks
from bdlbench.data import Images, Scaler, search_folders
from bdlbench.draws import Draws
from bdlbench.errors import DataError, Diverged, PluginError, RecordError
from bdlbench.evaluate import predict
from bdlbench.likelihoods import Categorical
from bdlbench.models import Network
from bdlbench.posterior import Posterior
from bdlbench.predictions import Predictions
from bdlbench.problem import Budget, Problem
from bdlbench.records import Record
from bdlbench.scores import score
from bdlbench.settings import Setting

OnProgress = Callable[[float], None]
SAMPLING_SHARE = 0.9  # of a run's progress bar; evaluation is the rest
TOLERANCE = 1.01  # a budget may be overspent by 1 %, since the last step may not fit


@dataclass(frozen=True)
class Job:
    """Say all that a worker needs to know; nothing else travels to it.

    Args:
        run: Name of the run.
        reference: Name or file of the sampler.
        settings: All of the sampler's settings.
        task: Name of the task.
        seed: Seed of the run's random numbers.
        configuration: What else determines the run, as it stands in the record.
        data: SHA-256 of the data sets that the run's name was made from.
        results: Folder that the run is kept in.
        data_dir: Folder that data is looked for in first.
    """

    run: str
    reference: str
    settings: dict[str, Setting]
    task: str
    seed: int
    configuration: dict[str, Any]
    data: dict[str, str]
    results: Path
    data_dir: Path | None = None


@dataclass
class _Outcome:
    """Collect what happens while a sampler runs."""

    outcome: str = records.COMPLETED
    reason: str = ""
    seconds: float = 0.0
    epochs: list[float] = field(default_factory=list)
    sets: dict[str, Predictions] = field(default_factory=dict)


def execute(job: Job, on_progress: OnProgress = lambda fraction: None) -> Record:
    """Carry out a run and keep it.

    A run computes on one thread, so that its numbers do not depend on what runs beside it.
    Test and OOD data are read only after the sampler has finished.

    Raises:
        DataError: The data is not what it was when the job was made.
        RecordError: The run could not be kept.
    """
    device = torch.device(job.configuration["device"])
    # Standard output is the table's alone: whatever a plugin prints goes elsewhere.
    with machine.one_thread(), redirect_stdout(sys.stderr):
        problem, network, scaler = _prepare(job, device, on_progress)
        machine.warm_up()
        machine.reset_peak_memory(device)
        with Draws(problem.chains, problem.dim) as draws:
            result = _sample(job, problem, draws, device)
            started = time.perf_counter()
            if result.outcome == records.COMPLETED:
                try:
                    result.sets = predict(
                        network, draws, _judged(job), scaler, device, epochs=result.epochs
                    )
                except Diverged as error:
                    result.outcome, result.reason = records.DIVERGED, str(error)
            measured = {
                "seconds": result.seconds,
                "evaluation_seconds": time.perf_counter() - started,
                "peak_memory_bytes": machine.peak_memory(device),
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            record = _record(job, problem, len(draws), result, measured)
        on_progress(1.0)
        return records.write(job.results, record, result.sets)


def _prepare(
    job: Job, device: torch.device, on_progress: OnProgress
) -> tuple[Problem, Network, Scaler]:
    """Make the problem from the training data, and nothing but the training data."""
    split = job.configuration["split"]
    images = tasks.training_images(tasks.get(job.task), split, search_folders(job.data_dir))
    _check_data(job, "train", images)
    posterior, scaler = build_posterior(
        images, job.configuration["model"], job.configuration["prior_std"], device
    )
    budget = Budget(**job.configuration["budget"])
    problem = Problem(
        posterior, budget, on_progress=lambda done: on_progress(SAMPLING_SHARE * done)
    )
    return problem, posterior.network, scaler


def build_posterior(
    images: Images, model: str, prior_std: float, device: torch.device
) -> tuple[Posterior, Scaler]:
    """Combine a model, by its name, with training images; return their scaler, too."""
    scaler = Scaler.fit(images)
    posterior = Posterior(
        network=models.build(model),
        likelihood=Categorical(),
        x=torch.from_numpy(scaler(images)).to(device),
        # A copy: a view would keep what was split off for validation within a plugin's reach.
        y=torch.from_numpy(images.labels.copy()).to(device),
        prior_std=prior_std,
    )
    return posterior, scaler


def _judged(job: Job) -> dict[str, Images]:
    split = job.configuration["split"]
    judged = tasks.judged_images(tasks.get(job.task), split, search_folders(job.data_dir))
    for name, images in judged.items():
        _check_data(job, name, images)
    return judged


def _check_data(job: Job, name: str, images: Images) -> None:
    if images.sha256 != job.data[name]:
        raise DataError(f"{job.task}: the {name} data changed while bdlbench ran; run again")


def _sample(job: Job, problem: Problem, draws: Draws, device: torch.device) -> _Outcome:
    """Run the sampler; what can go wrong becomes a named outcome."""
    result = _Outcome()
    started = time.perf_counter()
    try:
        plugin = registry.configure(registry.load("samplers", job.reference), job.settings)
        rng = torch.Generator(device).manual_seed(job.seed)
        started = time.perf_counter()  # what the plugin's file imports is not its sampling time
        for theta in plugin.sample(problem, rng):
            draws.add(theta)
            result.epochs.append(problem.epochs)
            if len(draws) > problem.draws * problem.chains:
                raise ValueError(f"expected at most {problem.draws} draws, got more")
        if not len(draws):
            raise ValueError("expected at least one draw, got none")
        if problem.epochs > TOLERANCE * job.configuration["budget"]["epochs"]:
            result.outcome, result.reason = "over budget", f"spent {problem.epochs:.4g} epochs"
    except RecordError:
        raise  # the disk is full: not the plugin's doing
    except Diverged as error:
        result.outcome, result.reason = records.DIVERGED, str(error)
    except (Exception, SystemExit) as error:
        result.outcome = "out of memory" if _lacks_memory(error) else "plugin error"
        result.reason = _describe(error)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    result.seconds = time.perf_counter() - started
    return result


def _lacks_memory(error: BaseException) -> bool:
    # On the CPU, torch raises a plain RuntimeError.
    kinds = MemoryError, torch.OutOfMemoryError
    return isinstance(error, kinds) or "can't allocate memory" in str(error)


def _describe(error: BaseException) -> str:
    """Say what a plugin raised, and on which line of its own file it did."""
    trace, where = error.__traceback__, ""
    while trace is not None:
        path = Path(trace.tb_frame.f_code.co_filename)
        if not path.is_relative_to(Path(__file__).parent):
            where = f" ({path.name}, line {trace.tb_lineno})"
        trace = trace.tb_next
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    return f"{type(error).__name__}: {text}{where}"


def _record(
    job: Job, problem: Problem, draws: int, result: _Outcome, measured: dict[str, Any]
) -> Record:
    device = torch.device(job.configuration["device"])
    plugin = registry.load("samplers", job.reference)
    return Record(
        run=job.run,
        task=job.task,
        sampler={
            "name": plugin.plugin_name,  # type: ignore[attr-defined]
            "settings": job.settings,
            "source_sha256": registry.source_digest(plugin),
        },
        seed=job.seed,
        configuration=job.configuration,
        data=job.data,
        outcome=result.outcome,
        reason=result.reason,
        epochs=problem.epochs,
        draws=draws,
        metrics=score(result.sets) if result.sets else {},
        scoring_sha256=provenance.scoring_code(),
        predictions_sha256="",
        environment=provenance.environment(device),
        measured=measured,
    )
