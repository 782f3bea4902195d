"""SGD at a small learning rate follows gradient flow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from scipy.integrate import solve_ivp
from torch import Generator, Tensor, optim

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.posterior.potential import Posterior
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .descent import after, descend, mean_loss
from .intervals import fit_power, half_width, halves, in_words, means
from .target import mean_and_slope, posterior_of


@register("gradient-flow")
@dataclass(frozen=True)
class GradientFlow:
    """Measure how far SGD with t/η steps ends from the gradient flow dθ/dt = −∇L at time t.

    L = U/N, softmax regression. Euler's method is of first order, so that gradient descent's
    distance goes with η; the minibatches' noise adds a variance in proportion to η, so that SGD's
    distance (root mean square over runs) goes with √η.

    Args:
        task: Whose training data is fitted.
        time: t.
        batch_size: Points in a minibatch, drawn with replacement.
        chains: Independent runs of SGD.
        seed: Of the start and the minibatches.
    """

    steps: ClassVar[tuple[int, ...]] = (100, 200, 400, 800, 1600)
    task: str = "digits"
    time: float = 1.0
    batch_size: int = 32
    chains: int = 8
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Solve the flow by Runge and Kutta's method, and fit the powers of η."""
        posterior = posterior_of(self.task, "softmax")
        start = posterior.network.init(1, Generator().manual_seed(self.seed))
        flow = self._flow(posterior, start)
        say("gradient flow solved")
        length = float((flow - start).norm())
        rates = [self.time / steps for steps in self.steps]
        found: dict[str, list[Interval]] = {"gradient descent": [], "SGD": []}
        for rate, steps in zip(rates, self.steps, strict=True):
            for name, intervals in found.items():
                end = self._descend(posterior, start, rate, steps, stochastic=name == "SGD")
                intervals.append(seed_interval(((end - flow).norm(dim=1) / length).tolist()))
            say(f"{steps} steps done")
        powers = {k: fit_power(rates, [i.mean for i in v]) for k, v in found.items()}
        numbers = means("power", powers) | halves("half", powers)
        numbers |= means("last", {name: intervals[-1] for name, intervals in found.items()})
        numbers |= means("first", {name: intervals[0] for name, intervals in found.items()})
        tends = all(power.mean > half_width(power) for power in powers.values())
        text = (
            f"Softmax regression on {self.task}, {self.time:g} unit of time: as η falls from "
            f"{rates[0]:.3g} to {rates[-1]:.3g}, SGD {'tends' if tends else 'does not tend'} to "
            f"gradient flow, with a distance of {found['SGD'][0].mean:.2%} of the way at first and "
            f"{found['SGD'][-1].mean:.2%} at last. The distance goes as "
            f"η^({in_words(powers['SGD'], 2)}) for SGD and as "
            f"η^({in_words(powers['gradient descent'], 2)}) for gradient descent without "
            "minibatches (theory: ½ and 1)."
        )
        return Finding(text, numbers, self._draw(out, rates, found, powers))

    def _flow(self, posterior: Posterior, start: Tensor) -> Tensor:
        solution = solve_ivp(
            lambda time, theta: -mean_and_slope(posterior, theta)[1],
            (0, self.time), start[0].double().numpy(), rtol=1e-6, atol=1e-9,
        )  # fmt: skip
        return torch.from_numpy(solution.y[:, -1]).float()[None]

    def _descend(
        self, posterior: Posterior, start: Tensor, rate: float, steps: int, stochastic: bool
    ) -> Tensor:
        rng = Generator().manual_seed(self.seed + 1)
        theta = start.repeat(self.chains if stochastic else 1, 1)
        size = self.batch_size if stochastic else None
        return after(descend(mean_loss(posterior), optim.SGD, rate, size, theta, rng), steps)

    def _draw(
        self,
        out: Path,
        rates: list[float],
        found: dict[str, list[Interval]],
        powers: dict[str, Interval],
    ) -> tuple[Path, ...]:
        words = ", ".join(f"η^{power.mean:.2f} ({name})" for name, power in powers.items())
        picture, (axes,) = figure.canvas(f"Distance to gradient flow goes as {words}", 1)
        labels = {f"{k}: slope {in_words(powers[k], 2)}": row for k, row in found.items()}
        figure.curves(axes, rates, labels)
        axes.set_yscale("log")
        figure.log_axes(axes, rates)
        y = "distance at time t / length of the way"
        figure.describe(axes, "", "learning rate η = t / steps", y, "upper left")
        columns = {"rate": rates}
        columns |= {name: [interval.mean for interval in row] for name, row in found.items()}
        return figure.write(out, "gradient-flow", picture, columns)
