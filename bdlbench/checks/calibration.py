"""Check a sampler by the ranks of known parameters, and by its kernel Stein discrepancy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats
from scipy.spatial.distance import cdist

from bdlbench.checks.result import Result, Subject, Verdict, guarded
from bdlbench.checks.sampling import Array, Effort, draws
from bdlbench.exact import ExactPosterior, conjugate, gaussian_mean

FALSE_ALARM = 1e-3
REPLICATES, POINTS, RANKS = 200, 8, 20


@dataclass(frozen=True)
class RankCheck:
    """Check simulation-based calibration (Talts et al., 2018, arXiv:1804.06788, algorithm 1).

    Parameters are drawn from the prior and data from them; the rank of each parameter among draws
    from its posterior must be uniform. All replicates are sampled at once, as the independent
    blocks of one large regression, so that it costs one run.
    """

    name: str = "ranks"
    quick: bool = False

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict of a χ² test on the histogram of ranks."""
        return guarded(self.name, lambda: self._judge(subject))

    def _judge(self, subject: Subject) -> Result:
        exact, truth = blocks(subject.seed)
        effort = Effort(0.06, chains=1, draws=RANKS - 1, burn_in=8, seed=subject.seed)
        ranks = (draws(subject.sampler, exact, effort)[:, 0] < truth).sum(axis=0)
        counts = np.bincount(ranks, minlength=RANKS).reshape(RANKS // 2, 2).sum(axis=1)
        p = float(stats.chisquare(counts).pvalue)
        figure = f"p = {p:.2g}"
        if p >= FALSE_ALARM:
            return Result(self.name, "pass", figure, "ranks of known parameters are uniform")
        ends, middle = counts[[0, -1]].mean(), counts[3:-3].mean()
        shape = "too narrow" if ends > middle else "too wide"
        words = f"ranks of known parameters are not uniform: the draws are {shape}, or biased"
        return Result(self.name, "fail" if subject.target == "exact" else "shown", figure, words)


@dataclass(frozen=True)
class SteinCheck:
    """Check the kernel Stein discrepancy (Gorham & Mackey, 2017, arXiv:1703.01717).

    The kernel is (1 + ‖x − y‖²)^(−½), in coordinates in which the target is N(0, I). The draws of
    many chains, one of each, are compared with as many exact ones.
    """

    name: str = "Stein discrepancy"
    quick: bool = False

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict: a p-value under exact draws."""
        return guarded(self.name, lambda: self._judge(subject))

    def _judge(self, subject: Subject) -> Result:
        exact = gaussian_mean(1_000)
        found = draws(subject.sampler, exact, Effort(0.06, 300, 1, seed=subject.seed))[-1]
        root = np.linalg.cholesky(exact.covariance.numpy())
        white = np.linalg.solve(root, (found - exact.mean.numpy()).T).T
        value = stein(np.asarray(white))
        rng = np.random.default_rng(subject.seed)
        null = [stein(rng.standard_normal(white.shape)) for _ in range(400)]
        larger = sum(other >= value for other in null)
        p = (larger + 1) / (len(null) + 1)
        figure = f"n·KSD² = {value:.3g} (exact draws: {np.mean(null):.3g})"
        # The smallest p there can be is 1/401: beyond it, the size decides.
        if larger or value < 2 * max(null):
            return Result(self.name, "pass", figure, f"like exact draws, p = {p:.2g}")
        verdict: Verdict = "fail" if subject.target == "exact" else "shown"
        return Result(self.name, verdict, figure, "the draws are not from the target")


def stein(x: Array) -> float:
    """Return n·KSD² of draws x (n, dim) against N(0, I), as a V-statistic.

    With score s(x) = −x and k = (1 + r²)^(−½), r = ‖x − y‖, the Stein kernel is
    s(x)ᵀs(y)k + s(x)ᵀ∇_y k + s(y)ᵀ∇_x k + tr ∇_x∇_y k. Exact draws have the mean 2·dim.
    """
    dim = x.shape[1]
    r2 = cdist(x, x, "sqeuclidean")
    base = 1 + r2
    gradients = -r2 * base**-1.5  # s(x)ᵀ∇_y k + s(y)ᵀ∇_x k, since s(x) − s(y) = −(x − y)
    trace = dim * base**-1.5 - 3 * r2 * base**-2.5
    return float(((x @ x.T) * base**-0.5 + gradients + trace).sum() / len(x))


def blocks(seed: int) -> tuple[ExactPosterior, Array]:
    """Return independent regressions as the blocks of one, and the parameters behind their data.

    Each block has one parameter from N(0, 1) and `POINTS` observations of it, with noise N(0, 2²).
    """
    rng = torch.Generator().manual_seed(1_000 + seed)
    truth = torch.randn(REPLICATES, generator=rng)
    x = torch.eye(REPLICATES).repeat_interleave(POINTS, dim=0)
    y = x @ truth + 2 * torch.randn(len(x), generator=rng)
    return conjugate(x, y, noise_std=2.0, prior_std=1.0), truth.double().numpy()


CALIBRATION_CHECKS = (RankCheck(), SteinCheck())
