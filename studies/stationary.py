"""The stationary density of SGD at a constant step size: Gibbs in one dimension, not in two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy import stats
from scipy.linalg import solve_discrete_lyapunov

from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .intervals import Array

BINS = 60
REJECTED = 1e-3  # p-values below this reject: a low level, since there are five tests


@register("stationary")
@dataclass(frozen=True)
class Stationary:
    """Sample SGD's stationary density, and test whether it is Gibbs: a function of the loss alone.

    One dimension: L = (θ² − 1)²/4 with noise σ; theory gives exp(−2L/(ησ²)). Two dimensions:
    L = θᵀAθ/2 with noise of a covariance Σ that is not proportional to A. If the density were
    exp(−2L/η), the direction of A^½θ would be uniform and 2L/η exponential; steps of ηΣ⁻¹∇L̂ make
    it so.

    Source: Chaudhari & Soatto (2018), SGD performs variational inference.

    Args:
        step_size: η.
        steps: Steps per chain, before its single draw.
        chains: Independent chains.
        seed: Random seed of the noise.
    """

    hessian: ClassVar[Array] = np.array([[1.0, 0.5], [0.5, 1.0]])
    noise: ClassVar[Array] = np.array([[2.0, -0.5], [-0.5, 0.5]])
    noise_std: ClassVar[float] = 4.0
    step_size: float = 0.02
    steps: int = 3000
    chains: int = 4000
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the sampled densities with theory by Kolmogorov–Smirnov tests."""
        rng = np.random.default_rng(self.seed)
        eta, a = self.step_size, self.hessian
        well = self._chains(rng, lambda t: t**3 - t, np.array([[self.noise_std]]))[:, 0]
        say("sampled in one dimension")
        plain = self._chains(rng, lambda t: t @ a, np.linalg.cholesky(self.noise))
        inverse = np.linalg.inv(self.noise)
        cured = self._chains(rng, lambda t: t @ a @ inverse, np.linalg.cholesky(inverse))
        say("sampled in two dimensions")
        x, p = self._density()
        cdf = np.cumsum(p) / p.sum()
        numbers = {"p.one": _p_value(well, lambda theta: np.interp(theta, x, cdf))}
        for name, theta in (("plain", plain), ("cured", cured)):
            loss = np.einsum("ni,ij,nj->n", theta, a, theta) / 2
            white = theta @ np.linalg.cholesky(a)
            turns = np.arctan2(white[:, 1], white[:, 0]) / (2 * np.pi) + 0.5
            numbers[f"p.loss.{name}"] = _p_value(2 * loss / eta, stats.expon.cdf)
            numbers[f"p.angle.{name}"] = _p_value(turns, stats.uniform.cdf)
        theory = solve_discrete_lyapunov(np.eye(2) - eta * a, eta**2 * self.noise)
        sampled = plain.T @ plain / self.chains
        for i, j in ((0, 0), (0, 1), (1, 1)):
            numbers |= {f"theory.{i}{j}": theory[i, j], f"plain.{i}{j}": sampled[i, j]}
        tests = ("p.one",), ("p.angle.plain", "p.loss.plain"), ("p.angle.cured", "p.loss.cured")
        passed = [min(numbers[name] for name in names) >= REJECTED for names in tests]
        one, two, preconditioned = ("Gibbs" if each else "not Gibbs" for each in passed)
        text = (
            f"In one dimension SGD's stationary density is {one}, exp(−2L/(ησ²)) (Kolmogorov-"
            f"Smirnov test on {self.chains} draws, p = {numbers['p.one']:.2g}). In two dimensions "
            f"with anisotropic noise it is {two} (p = {numbers['p.angle.plain']:.1g} for the "
            f"direction, {numbers['p.loss.plain']:.1g} for the loss), and with steps of Σ⁻¹∇L it "
            f"is {preconditioned} (p = {numbers['p.angle.cured']:.2g} and "
            f"{numbers['p.loss.cured']:.2g})."
        )
        title = f"SGD's density: {one} in 1-D; {two} in 2-D; {preconditioned} with Σ⁻¹"
        return Finding(text, numbers, self._draw(out, title, well, plain, cured))

    def _chains(
        self, rng: np.random.Generator, drift: Callable[[Array], Array], root: Any
    ) -> Array:
        theta = np.zeros((self.chains, len(root)))
        for _ in range(self.steps):
            noise = rng.standard_normal(theta.shape) @ root.T
            theta -= self.step_size * (drift(theta) + noise)
        return theta

    def _density(self) -> tuple[Array, Array]:
        """Return a grid of θ and the one-dimensional density exp(−2L/(ησ²)) on it."""
        x = np.linspace(-2, 2, 2001)
        p = np.exp(-((x**2 - 1) ** 2) / 2 / (self.step_size * self.noise_std**2))
        return x, p / np.trapezoid(p, x)

    def _draw(
        self, out: Path, title: str, well: Array, plain: Array, cured: Array
    ) -> tuple[Path, ...]:
        fig, (one, *two) = figure.canvas(title, 3, size=(13.5, 5))
        one.hist(well, BINS, density=True, color=figure.SKY, label=f"{self.chains} chains")
        one.plot(*self._density(), color=figure.VERMILION, linewidth=3, label="exp(−2L/(ησ²))")
        one.set_ylim(top=1.35 * one.get_ylim()[1])
        figure.describe(one, "L = (θ² − 1)²/4", "θ", "density", "upper left")
        about = ("steps of η∇L; rings: 50 and 95 %\nof the draws, if Gibbs", "steps of ηΣ⁻¹∇L")
        for axes, theta, label in zip(two, (plain, cured), about, strict=True):
            axes.plot(*theta.T, ".", color=figure.BLUE, markersize=2, alpha=0.5)
            for share in (0.5, 0.95):
                ring = _ring(share, self.step_size, self.hessian)
                axes.plot(*ring, color=figure.VERMILION, linewidth=2.5)
            axes.set(xlim=(-0.7, 0.7), ylim=(-0.7, 0.7), aspect="equal", xticks=(-0.5, 0, 0.5))
            figure.describe(axes, label, "θ₁", "θ₂")
        columns = {"one": well, "plain.1": plain[:, 0], "plain.2": plain[:, 1]}
        columns |= {"cured.1": cured[:, 0], "cured.2": cured[:, 1]}
        return figure.write(out, "stationary", fig, columns)


def _ring(share: float, temperature: float, hessian: Array) -> Array:
    """Return the level set of L that encloses `share` of exp(−2L/T), shape (2, points)."""
    turn = np.linspace(0, 2 * np.pi, 200)
    circle = np.sqrt(-temperature * np.log(1 - share)) * np.stack([np.cos(turn), np.sin(turn)])
    ring: Array = np.linalg.inv(np.linalg.cholesky(hessian)).T @ circle
    return ring


def _p_value(draws: Array, cdf: Any) -> float:
    return float(np.asarray(stats.kstest(draws, cdf).pvalue))
