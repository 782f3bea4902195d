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
    """Measure the distance of SGD after t/η steps from the gradient flow dθ/dt = −∇L at time t.

    L = U/N, softmax regression. The Euler method is of first order, so the distance of gradient
    descent scales as η; minibatch noise adds a variance proportional to η, so that of SGD scales
    as √η.

    Args:
        task: Task that provides the training data.
        time: t.
        batch_size: Batch size; minibatches are drawn with replacement.
        chains: Independent runs of SGD.
        seed: Random seed of the start and the minibatches.
    """

    steps: ClassVar[tuple[int, ...]] = (100, 200, 400, 800, 1600)
    task: str = "digits"
    time: float = 1.0
    batch_size: int = 32
    chains: int = 8
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Integrate the flow by a Runge–Kutta method, and fit the powers of η."""
        posterior = posterior_of(self.task, "softmax")
        start = posterior.network.init(1, Generator().manual_seed(self.seed))
        flow = self._flow(posterior, start)
        say("gradient flow integrated")
        length = float((flow - start).norm())
        rates = [self.time / steps for steps in self.steps]
        distances: dict[str, list[Interval]] = {"gradient descent": [], "SGD": []}
        for rate, steps in zip(rates, self.steps, strict=True):
            for name, intervals in distances.items():
                end = self._descend(posterior, start, rate, steps, stochastic=name == "SGD")
                intervals.append(seed_interval(((end - flow).norm(dim=1) / length).tolist()))
            say(f"{steps} steps done")
        powers = {k: fit_power(rates, [i.mean for i in v]) for k, v in distances.items()}
        numbers = means("power", powers) | halves("half", powers)
        for key, index in (("last", -1), ("first", 0)):
            numbers |= means(key, {name: row[index] for name, row in distances.items()})
        converges = all(power.mean > half_width(power) for power in powers.values())
        text = (
            f"Softmax regression on {self.task}, integrated to t = {self.time:g}: as η → 0, SGD "
            f"{'converges' if converges else 'does not converge'} to gradient flow; its distance "
            f"is {distances['SGD'][0].mean:.2%} of the displacement at η = {rates[0]:.3g} and "
            f"{distances['SGD'][-1].mean:.2%} at {rates[-1]:.3g}. The distance scales as "
            f"η^({in_words(powers['SGD'], 2)}) for SGD and as "
            f"η^({in_words(powers['gradient descent'], 2)}) for full-batch gradient descent "
            "(theory: ½ and 1)."
        )
        return Finding(text, numbers, self._draw(out, rates, distances, powers))

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
        self, out: Path, rates: list[float], distances: dict[str, list[Interval]],
        powers: dict[str, Interval],
    ) -> tuple[Path, ...]:  # fmt: skip
        exponents = ", ".join(f"η^{power.mean:.2f} ({name})" for name, power in powers.items())
        fig, (axes,) = figure.canvas(f"Distance from gradient flow scales as {exponents}", 1)
        labels = {f"{k}: slope {in_words(powers[k], 2)}": row for k, row in distances.items()}
        figure.curves(axes, rates, labels)
        axes.set_yscale("log")
        figure.log_axes(axes, rates)
        y = "distance at time t / displacement"
        figure.describe(axes, "", "learning rate η = t / steps", y, "upper left")
        columns = {name: [interval.mean for interval in row] for name, row in distances.items()}
        return figure.write(out, "gradient-flow", fig, {"rate": rates, **columns})
