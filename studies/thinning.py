"""What fewer of a chain's draws predict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.problem import Budget, Problem
from bdlbench.runs import tasks
from bdlbench.study import Say

from .runs import sgld_of
from .target import posterior_of, scores_of


def scores_by_draws(
    task: str,
    metrics: Iterable[str],
    epochs: float,
    counts: Sequence[int],
    seeds: int,
    say: Say,
) -> dict[str, dict[int, Interval]]:
    """Return metrics of SGLD's predictions from so many of its draws, evenly spread.

    Args:
        task: What it is run on.
        metrics: Their names.
        epochs: Of every run.
        counts: Of draws; the last is the number that is made, and the others divide it.
        seeds: Number of runs.
        say: Shows a line of progress.
    """
    posterior, burn_in = posterior_of(task), tasks.get(task).budget.burn_in
    runs = []
    for seed in range(seeds):
        problem = Problem(posterior, Budget(epochs, counts[-1], burn_in))
        draws = sgld_of(task).sample(problem, torch.Generator().manual_seed(seed))
        kept = [theta[0].clone() for theta in draws]
        runs.append({count: scores_of(task, posterior, evenly(kept, count)) for count in counts})
        say(f"draws of seed {seed} scored")
    return {
        metric: {count: seed_interval([run[count][metric] for run in runs]) for count in counts}
        for metric in metrics
    }


def evenly(draws: list[Tensor], count: int) -> list[Tensor]:
    """Return as many of the draws, evenly spread; `count` divides their number."""
    return draws[len(draws) // count - 1 :: len(draws) // count]
