"""The drift and the noise of one step, from which a wrong sampler is diagnosed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch

from bdlbench.checks import linear_problems
from bdlbench.checks.known import Array, Known, places
from bdlbench.checks.linear_problems import tensors
from bdlbench.checks.result import Subject
from bdlbench.checks.sampling import Effort, Sampler, limited, stepped, suited
from bdlbench.checks.trial import Trial
from bdlbench.problem import Budget
from bdlbench.runs import machine

CHAINS, STIFFNESS = 4000, 0.5  # enough for factors to a few percent
SILENT = 1e-9  # variance of the noise divided by ε that is rounding
LEAST = 0.1  # factor that can be compared
NOISY = 0.1  # share of the largest standard deviation, above which a residual is noise
FINER = 16.0  # ratio of the step sizes at which the noise is compared


@dataclass(frozen=True)
class Noise:
    """The drift and the noise of a step.

    Args:
        drift: Factor of ∇U by tensor.
        noise: Variance of the noise divided by ε, by tensor.
        common: Correlation of the noise between chains, summed: −1 if it is centred over them.
        correlation: Largest correlation of the noise between two parameters.
        of_state: Correlation of the squared noise with the squared gradient, 0 for a constant
            preconditioner.
        prior_on_biases: b or b/a of the biases, divided by that of the other parameters, whichever
            is larger (see `Step`); NaN if unknown.
    """

    drift: dict[str, float]
    noise: dict[str, float]
    common: float
    correlation: float
    of_state: float
    prior_on_biases: float


@dataclass(frozen=True)
class Step:
    """One step θ′ = θ − (ε/2)·(a·∇L + b·∇P) + noise, where U = L + P, and P is the prior's part.

    Args:
        likelihood: a, 1 for Langevin dynamics.
        prior: b, likewise.
        noises: The noise and the drift by tensor.
        minibatch: Factors by which a and b change where a step uses a third of the data.
        exponent: The standard deviation of the noise grows like ε to this power; NaN if unknown.
        n: Number of training points.
    """

    likelihood: float
    prior: float
    noises: Noise
    minibatch: tuple[float, float]
    exponent: float
    n: int

    @property
    def drift(self) -> dict[str, float]:
        """Factor of ∇U by tensor."""
        return self.noises.drift

    @property
    def noise(self) -> dict[str, float]:
        """Variance of the noise divided by ε, by tensor."""
        return self.noises.noise


def one_step(subject: Subject) -> Step | None:
    """Measure the first step of a sampler with a step size; None if it cannot be measured."""
    sampler = subject.sampler
    if stepped(sampler, 1.0) is None:
        return None
    with suppress(Exception, SystemExit):
        known = tensors(subject.seed, subject.points(150))
        before, after, epsilon = _advance(sampler, known, STIFFNESS, subject)
        finer_before, finer_after, finer = _advance(sampler, known, STIFFNESS / FINER, subject)
        coarse = _fit(known, before, after, epsilon)
        fine = _fit(known, finer_before, finer_after, finer)
        ratio = np.mean(list(coarse[1].noise.values())) / np.mean(list(fine[1].noise.values()))
        silent = max(fine[1].noise.values()) < SILENT
        other = not 0.7 * coarse[0][0] < fine[0][0] < 1.4 * coarse[0][0]  # no Langevin step
        exponent = np.nan if silent or other else (1 + np.log(ratio) / np.log(FINER)) / 2
        return Step(
            *coarse[0],
            coarse[1],
            minibatch=_minibatch(sampler, known, subject, coarse[0]),
            exponent=float(exponent),
            n=known.posterior.n,
        )
    return None


def _minibatch(
    sampler: Sampler, known: Known, subject: Subject, whole: tuple[float, float]
) -> tuple[float, float]:
    """Return the factors of the likelihood and the prior in a third of the data, over all's."""
    if "batch_size" not in vars(sampler) or not all(abs(factor) > LEAST for factor in whole):
        return 1.0, 1.0
    size = known.posterior.n // 3
    parts, _ = _fit(known, *_advance(sampler, known, STIFFNESS, subject, size))
    return parts[0] / whole[0], parts[1] / whole[1]


def _advance(
    sampler: Sampler,
    known: Known,
    stiffness: float,
    subject: Subject,
    batch_size: int | None = None,
) -> tuple[Array, Array, float]:
    """Return exact draws, what one step makes of them, and ε."""
    effort = Effort(stiffness, CHAINS, 1, batch_size=batch_size)
    fitted, n = suited(sampler, known, effort), known.posterior.n
    starts: list[Array] = []

    def start(chains: int, rng: torch.Generator) -> torch.Tensor:
        theta = known.start(chains, 0, 1.0, rng)
        starts.append(theta.double().numpy().copy())
        return theta

    size = getattr(fitted, "batch_size", None) or subject.batch_size or n
    problem = Trial(known.posterior, Budget(CHAINS * size / n, 1, 0), CHAINS, start, 50)
    with machine.one_thread():
        for theta in limited(fitted, problem, torch.Generator().manual_seed(1)):
            return starts[0], theta.detach().double().numpy().copy(), stiffness / known.curvature
    raise ValueError("no draw")


def _fit(
    known: Known, before: Array, after: Array, epsilon: float
) -> tuple[tuple[float, float], Noise]:
    """Fit a and b, the drift by tensor, and the noise, by least squares."""
    change = (after - before) / (epsilon / 2)
    white = known.whiten(before)
    slope = np.asarray(np.linalg.solve(known.root.T, white.T).T, np.float64)
    prior = before / known.posterior.prior_std**2
    likelihood, of_prior = _weights(change, slope, prior)
    drift, noise = {}, {}
    residual = np.empty_like(change)
    for name, part in places(known.posterior.network).items():
        drift[name] = float(-(change[:, part] * slope[:, part]).sum() / (slope[:, part] ** 2).sum())
        fitted = likelihood * (slope - prior)[:, part] + of_prior * prior[:, part]
        scale = drift[name] / max(likelihood, of_prior, key=abs) if likelihood or of_prior else 1
        residual[:, part] = change[:, part] + np.clip(scale, -10, 10) * fitted
        noise[name] = float(residual[:, part].var(axis=0).mean()) * epsilon / 4
    total = residual.sum(axis=0).var() / max(residual.var() * len(residual), 1e-300)
    squares, slopes = (residual**2).ravel(), (slope**2).ravel()
    varies = bool(squares.std() > 0 and slopes.std() > 0)
    of_state = float(np.corrcoef(squares, slopes)[0, 1]) if varies else 0.0
    biases = np.zeros(change.shape[1], bool)
    biases[linear_problems.biases(known.posterior.network)] = True
    (a, b), (a_other, b_other) = (
        _weights(change[:, part], slope[:, part], prior[:, part]) for part in (biases, ~biases)
    )
    known_ratio = min(abs(a), abs(a_other), abs(b_other)) > LEAST
    # The second is less exact, but does not depend on a preconditioner.
    ratio = max(b / b_other, (b / a) / (b_other / a_other), key=abs) if known_ratio else np.nan
    noises = Noise(drift, noise, float(total - 1), _correlation(residual), of_state, ratio)
    return (likelihood, of_prior), noises


def _weights(change: Array, slope: Array, prior: Array) -> tuple[float, float]:
    """Return a and b by least squares, from ∇U and its part of the prior."""
    parts = np.stack([-(slope - prior).ravel(), -prior.ravel()], axis=1)
    (likelihood, of_prior), *_ = np.linalg.lstsq(parts, change.ravel(), rcond=None)
    return float(likelihood), float(of_prior)


def _correlation(residual: Array) -> float:
    """Return the largest correlation between two columns with noise, which is not a misfit."""
    spread = residual.std(axis=0)
    varying = residual[:, (spread > 0) & (spread > NOISY * spread.max())]
    if varying.shape[1] < 2:
        return 0.0
    matrix = np.asarray(np.corrcoef(varying.T))
    return float(np.abs(matrix - np.eye(len(matrix))).max())
