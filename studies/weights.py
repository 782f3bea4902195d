"""Single weights: a narrow peak under SGD, a broad distribution under SGLD."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bdlbench.errors import BdlbenchError
from bdlbench.metrics.statistics import seed_interval
from bdlbench.problem import Budget, Problem
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .intervals import ends
from .runs import sgld_of
from .target import posterior_of

NAMES = {"sgd": "SGD", "sgld": "SGLD"}
COLOURS = (figure.VERMILION, figure.BLUE)
Float32s = NDArray[np.float32]


@register("weights")
@dataclass(frozen=True)
class Weights:
    """Compare the rolling standard deviation of single weights under SGD and under SGLD.

    Both take the steps θ ← θ − (ε/2)∇Û at the same constant ε and with the same minibatches; SGLD
    adds noise N(0, ε). SGD is SGLD at temperature 0.

    Args:
        task: Task to train on.
        epochs: Epochs per run.
        window: Steps in the rolling window; every tenth is recorded.
        tracked: Number of weights, drawn at random from all layers.
        seeds: Runs per method.
        seed: Random seed of the first run.
    """

    task: str = "digits"
    epochs: int = 100
    window: int = 1000
    tracked: int = 400
    seeds: int = 3
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Compare standard deviations over the last window, weight by weight."""
        paths = {}
        for name, temperature in (("sgd", 0.0), ("sgld", 1.0)):
            runs = [self._path(temperature, self.seed + k) for k in range(self.seeds)]
            paths[name] = np.stack(runs)  # (seeds, recorded steps, weights)
            say(f"{NAMES[name]}: recorded {self.tracked} weights at {paths[name].shape[1]} steps")
        last = {name: path[:, -self.window // 10 :].std(1, ddof=1) for name, path in paths.items()}
        ratios = np.median(last["sgld"] / last["sgd"], axis=1)
        ratio = seed_interval(np.log(ratios).tolist())  # on a log scale: ratios are positive
        wider = seed_interval((last["sgld"] > last["sgd"]).mean(1).tolist())
        mean, low, high = np.exp([ratio.mean, *ends(ratio)]).tolist()
        numbers = {f"std.{name}": float(np.median(values)) for name, values in last.items()}
        numbers |= {"ratio": mean, "wider": wider.mean, "low": low, "high": high}
        text = (
            f"Over the last {self.window} steps on {self.task}, the standard deviation of a single "
            f"weight (median of {self.tracked}) is {numbers['std.sgd']:.2g} under SGD and "
            f"{numbers['std.sgld']:.2g} under SGLD. The ratio is {mean:.0f} "
            f"[{low:.0f}, {high:.0f}] (median over weights, geometric mean over {ratio.n} seeds, "
            f"95 % confidence interval), and {wider.mean:.1%} of the weights vary more under SGLD."
        )
        return Finding(text, numbers, self._draw(out, paths, last, mean))

    def _path(self, temperature: float, seed: int) -> Float32s:
        sampler = sgld_of(self.task, temperature=temperature)
        posterior = posterior_of(self.task)
        steps = self.epochs * posterior.n // sampler.batch_size
        if steps < self.window:
            raise BdlbenchError(
                f"expected a window of at most {steps} steps, the length of a run, "
                f"got {self.window}; lower window, or raise epochs"
            )
        problem = Problem(posterior, Budget(self.epochs, draws=steps // 10, burn_in=0))
        chosen = np.random.default_rng(0).choice(problem.dim, self.tracked, replace=False)
        draws = sampler.sample(problem, torch.Generator().manual_seed(seed))
        return np.stack([theta[0].numpy()[chosen] for theta in draws])

    def _draw(
        self, out: Path, paths: dict[str, Float32s], last: dict[str, Float32s], ratio: float
    ) -> tuple[Path, ...]:
        title = f"A weight varies {ratio:.0f} times as much under SGLD as under SGD"
        fig, (trace, density, rolling) = figure.canvas(title, 3, size=(13.5, 5))
        looks = self.window // 10
        # The weight with the median ratio: a typical example.
        shown = int(np.argsort((last["sgld"] / last["sgd"])[0])[self.tracked // 2])
        steps = np.arange(0.0, 10 * paths["sgd"].shape[1], 10)
        columns: dict[str, Any] = {"step": steps}
        for (name, label), colour in zip(NAMES.items(), COLOURS, strict=True):
            weight = paths[name][0, :, shown]
            trace.plot(steps, weight, color=colour, label=label)
            # The edge keeps a peak that is narrower than a pixel visible.
            style: dict[str, Any] = {"color": colour, "edgecolor": colour, "linewidth": 2.5}
            style |= {"density": True, "histtype": "stepfilled", "alpha": 0.7, "label": label}
            density.hist(weight[-looks:], 20, **style)
            rolled = np.median(sliding_window_view(paths[name][0], looks, 0).std(2), 1)
            rolling.semilogy(steps[looks - 1 :], rolled, color=colour, linewidth=3)
            columns[f"weight.{name}"] = weight.tolist()
            columns[f"rolling.{name}"] = [np.nan] * (looks - 1) + rolled.tolist()
        density.set_yscale("log")
        about = f"same weight, last {self.window} steps"
        figure.describe(trace, "one weight", "step", "weight", "best")
        figure.describe(density, about, "weight", "density", "best")
        about = f"median over {self.tracked} weights"
        figure.describe(rolling, about, "step", "rolling standard deviation")
        return figure.write(out, "weights", fig, columns)
