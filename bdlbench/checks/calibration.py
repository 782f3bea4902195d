"""Simulation-based calibration of a sampler."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats

from bdlbench.checks.estimates import FALSE_ALARM
from bdlbench.checks.known import Array, Known, normal
from bdlbench.checks.result import Result, Subject, Verdict, guarded
from bdlbench.checks.sampling import Effort, run, suited
from bdlbench.posterior.exact import conjugate

REPLICATES, POINTS, RANKS, BINS = 200, 4, 20, 10
BURN_IN = 60.0  # relaxation times; long, for samplers that accept or reject all replicates at once


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
        return guarded(self.name, subject, lambda: self._evaluate(subject))

    def _evaluate(self, subject: Subject) -> Result:
        known, truth = blocks(subject.seed, math.ceil(subject.points(1) / REPLICATES))
        effort = Effort(0.1, 0, draws=1, wide=RANKS - 1, burn_in=BURN_IN, seed=subject.seed)
        sampler = suited(subject.sampler, known, effort)
        found = run(sampler, known, effort, subject.batch_size)
        if not _has_mixed(found.start, found.draws[-1], known):
            return Result(self.name, "inconclusive", "–", "it mixes too slowly for this check")
        ranks = (found.draws[-1] < truth).sum(axis=0)
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


def _has_mixed(start: Array, end: Array, known: Known) -> bool:
    """Return whether the over-dispersed start is forgotten, over all chains and parameters."""
    before, after = known.whiten(start), known.whiten(end)
    return bool((before * after).sum() < 0.2 * (before**2).sum())


def blocks(seed: int, least: int = 1) -> tuple[Known, Array]:
    """Return one regression made of independent blocks, and the true parameters.

    Each block has one parameter from N(0, 1) and `POINTS` observations of it, or `least` if that is
    more, with noise N(0, 2²).
    """
    rng = torch.Generator().manual_seed(1_000 + seed)
    truth = torch.randn(REPLICATES, generator=rng)
    x = torch.eye(REPLICATES).repeat_interleave(max(POINTS, least), dim=0)
    y = x @ truth + 2 * torch.randn(len(x), generator=rng)
    exact = conjugate(x, y, noise_std=2.0, prior_std=1.0)
    mean, covariance = exact.mean.numpy(), exact.covariance.numpy()
    noise = torch.randn(1000, REPLICATES, generator=rng, dtype=torch.float64).numpy()
    curvature = float(1 / np.linalg.eigvalsh(covariance)[0])
    known = normal(exact.posterior, curvature, mean, covariance, noise)
    return known, truth.double().numpy()


CALIBRATION_CHECKS = (RankCheck(),)
