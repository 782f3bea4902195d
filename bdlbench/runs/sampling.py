"""Run a sampler, and classify the outcome."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch

from bdlbench import plugin_errors, registry
from bdlbench.errors import Diverged, PluginError, RecordError
from bdlbench.noise import generator
from bdlbench.problem import Problem
from bdlbench.records.predictions import Predicted
from bdlbench.records.record import COMPLETED, DIVERGED
from bdlbench.runs import numerics
from bdlbench.runs.draws import Draws
from bdlbench.runs.job import Job

TOLERANCE = 1.01  # the last step may exceed the budget by 1 %


@dataclass
class Outcome:
    """The outcome of sampling, with the predictions that are added afterwards.

    Args:
        outcome: One of `record.OUTCOMES`.
        reason: Why the run failed; empty if completed.
        seconds: Wall-clock time of sampling.
        epochs: Epochs used up to each draw.
        sets: Predictions by set.
        exact: Whether the sampler claims to draw from the posterior, or from a tempered one.
        diagnostics: Of the draws of such a sampler, from `diagnostics.diagnose`.
    """

    outcome: str = COMPLETED
    reason: str = ""
    seconds: float = 0.0
    epochs: list[float] = field(default_factory=list)
    sets: dict[str, Predicted] = field(default_factory=dict)
    exact: bool = False
    diagnostics: dict[str, float] = field(default_factory=dict)


def sample(job: Job, problem: Problem, draws: Draws, device: torch.device) -> Outcome:
    """Run the sampler; its failures become named outcomes.

    Raises:
        RecordError: The draws cannot be stored.
    """
    result = Outcome()
    process, forks = os.getpid(), len(_forks())
    started, plugin = time.perf_counter(), None
    try:
        plugin = _load(job)
        result.exact = getattr(plugin, "target", "") == "exact"
        rng = generator(job.seed, device)
        started = time.perf_counter()  # without the plugin's imports
        for theta in plugin.sample(problem, rng):
            _check_process(process, forks)
            draws.add(theta)
            result.epochs.append(problem.epochs)
            if len(draws) > problem.draws * problem.chains:
                raise ValueError(f"expected at most {problem.draws} draws, got more")
        _check_process(process, forks)
        if not len(draws):
            raise ValueError("expected at least one draw, got none")
        if problem.epochs > TOLERANCE * job.configuration.epochs:
            result.outcome, result.reason = "over budget", f"spent {problem.epochs:.4g} epochs"
    except RecordError:
        raise  # the disk is full: not the plugin's fault
    except Diverged as error:
        result.outcome, result.reason = DIVERGED, str(error)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        # KeyboardInterrupt is raised by the plugin: a run's process does not receive Ctrl-C.
        result.outcome = "out of memory" if _is_out_of_memory(error) else "plugin error"
        result.reason = plugin_errors.describe(error, plugin and type(plugin))
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    result.seconds = time.perf_counter() - started
    return result


def _load(job: Job) -> Any:
    plugin = registry.load("samplers", job.reference)
    planned = numerics.identity_of(job.sampler, job.configuration)
    if numerics.identify(plugin) != planned:
        raise PluginError(f"{job.reference}: its file changed since the run was planned; run again")
    return registry.configure(plugin, job.sampler.settings)


@cache
def _forks() -> list[int]:
    """Return a list that grows with every fork of this process."""
    forks: list[int] = []
    os.register_at_fork(after_in_parent=lambda: forks.append(os.getpid()))
    return forks


def _check_process(process: int, forks: int) -> None:
    """Check that the sampler has not forked: gradients are counted in this process only."""
    if os.getpid() != process:
        os._exit(0)  # in the forked child
    if len(_forks()) != forks:
        raise RuntimeError("expected a sampler that stays in one process, but it forked")


def _is_out_of_memory(error: BaseException) -> bool:
    # On the CPU, torch raises a plain RuntimeError.
    kinds = MemoryError, torch.OutOfMemoryError
    return isinstance(error, kinds) or "can't allocate memory" in str(error)
