"""Simulation-based calibration and kernel Stein discrepancy of a sampler."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from scipy.spatial.distance import cdist

from bdlbench.checks.moments import FALSE_ALARM
from bdlbench.checks.result import Result, Subject, Verdict, guarded
from bdlbench.checks.sampling import Array, Effort, draws
from bdlbench.posterior.exact import ExactPosterior, conjugate, linear_regression

REPLICATES, POINTS, RANKS, BINS = 200, 4, 20, 10
BURN_IN = 60.0  # relaxation times; long, for samplers that accept or reject all replicates at once
NULL_DRAWS = 20_000  # from the Stein discrepancy's null distribution: p-values down to 1/20,000


@dataclass(frozen=True)
class RankCheck:
    """Simulation-based calibration (Talts et al., 2018, arXiv:1804.06788, algorithm 1).

    Parameters are drawn from the prior, and data given them. The rank of each parameter among
    independent posterior draws, the last draws of independent chains, must be uniform. All
    replicates are sampled at once, as the blocks of one large regression.
    """

    name: str = "ranks"
    quick: bool = False

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict of a χ² test on the histogram of ranks."""
        return guarded(self.name, lambda: self._evaluate(subject))

    def _evaluate(self, subject: Subject) -> Result:
        exact, truth = blocks(subject.seed)
        effort = Effort(0.06, RANKS - 1, draws=1, burn_in=BURN_IN, seed=subject.seed)
        ranks = (draws(subject.sampler, exact, effort)[-1] < truth).sum(axis=0)
        p, meaning = uniformity(ranks)
        verdict: Verdict = "fail" if subject.target == "exact" else "shown"
        return Result(self.name, verdict if p < FALSE_ALARM else "pass", f"p = {p:.2g}", meaning)


def uniformity(ranks: Array) -> tuple[float, str]:
    """Return the p-value of a χ² test of ranks 0…19 for uniformity, and its interpretation."""
    counts = np.bincount(ranks, minlength=RANKS).reshape(BINS, -1).sum(axis=1)
    p = float(stats.chisquare(counts).pvalue)
    if p >= FALSE_ALARM:
        return p, "ranks of known parameters are uniform"
    # A shift moves ranks from one half to the other; a wrong width, between ends and middle.
    ends = counts[:2].sum() + counts[-2:].sum() - 0.4 * len(ranks)
    halves = 2 * counts[: BINS // 2].sum() - len(ranks)
    if abs(halves) > abs(ends):
        shape = "too large" if halves > 0 else "too small"
    else:
        shape = "too narrow" if ends > 0 else "too wide"
    return p, f"ranks of known parameters are not uniform: the draws are {shape}"


def blocks(seed: int) -> tuple[ExactPosterior, Array]:
    """Return one regression made of independent blocks, and the true parameters.

    Each block has one parameter from N(0, 1) and `POINTS` observations of it, with noise N(0, 2²).
    """
    rng = torch.Generator().manual_seed(1_000 + seed)
    truth = torch.randn(REPLICATES, generator=rng)
    x = torch.eye(REPLICATES).repeat_interleave(POINTS, dim=0)
    y = x @ truth + 2 * torch.randn(len(x), generator=rng)
    return conjugate(x, y, noise_std=2.0, prior_std=1.0), truth.double().numpy()


@dataclass(frozen=True)
class SteinCheck:
    """Kernel Stein discrepancy (Gorham & Mackey, 2017, arXiv:1703.01717).

    The kernel is (1 + ‖x − y‖²)^(−½), in coordinates in which the target is N(0, I). The draws are
    independent: the last of each of many chains.
    """

    name: str = "Stein discrepancy"
    quick: bool = False

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict, from the p-value under exact draws."""
        return guarded(self.name, lambda: self._evaluate(subject))

    def _evaluate(self, subject: Subject) -> Result:
        exact = linear_regression(prior_std=0.1)
        effort = Effort(0.06, chains=500, draws=1, seed=subject.seed)
        theta = draws(subject.sampler, exact, effort)[-1]
        root = np.linalg.cholesky(exact.covariance.numpy())
        white = np.asarray(np.linalg.solve(root, (theta - exact.mean.numpy()).T).T)
        value = float(stein_kernel(white).sum() / len(white))
        null = exact_stein(white.shape[1], subject.seed)
        p = (1 + (null >= value).sum()) / (1 + len(null))
        figure = f"n·KSD² = {value:.3g} (exact draws: {2 * white.shape[1]})"
        if p >= FALSE_ALARM:
            return Result(self.name, "pass", figure, f"like exact draws, p = {p:.2g}")
        verdict: Verdict = "fail" if subject.target == "exact" else "shown"
        return Result(self.name, verdict, figure, f"unlike exact draws, p = {p:.2g}")


def stein_kernel(x: Array) -> Array:
    """Return the Stein kernel of draws x (n, dim) for N(0, I), shape (n, n).

    With score s(x) = −x and k = (1 + r²)^(−½), r = ‖x − y‖, the kernel is
    s(x)ᵀs(y)k + s(x)ᵀ∇_y k + s(y)ᵀ∇_x k + tr ∇_x∇_y k. Its sum over all pairs divided by n is
    n·KSD² (a V-statistic), with mean 2·dim for exact draws.
    """
    dim = x.shape[1]
    r2 = cdist(x, x, "sqeuclidean")
    base = 1 + r2
    gradients = -r2 * base**-1.5  # s(x)ᵀ∇_y k + s(y)ᵀ∇_x k, since s(x) − s(y) = −(x − y)
    trace = dim * base**-1.5 - 3 * r2 * base**-2.5
    return np.asarray((x @ x.T) * base**-0.5 + gradients + trace)


def exact_stein(dim: int, seed: int) -> Array:
    """Sample the null distribution of n·KSD², that of exact draws, for large n.

    It is that of Σⱼ λⱼZⱼ², with the eigenvalues λ of the kernel under the target and Z from N(0, 1)
    (Liu, Lee & Jordan, 2016, theorem 4.1); λ is estimated from the kernel matrix of exact draws.
    """
    rng = np.random.default_rng(seed)
    kernel = stein_kernel(rng.standard_normal((500, dim)))
    eigenvalues = np.linalg.eigvalsh(kernel)[::-1] / len(kernel)
    large = eigenvalues[eigenvalues > 1e-3 * eigenvalues[0]]
    rest = eigenvalues.sum() - large.sum()  # the sum over many small ones hardly varies
    return np.asarray(rng.standard_normal((NULL_DRAWS, len(large))) ** 2 @ large + rest)


CALIBRATION_CHECKS = (RankCheck(), SteinCheck())
