"""Test the Gaussian noise on a billion numbers: moments to order 8, and its distribution.

python -m benchmarks.noise [--millions 1000]
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import torch
from scipy import stats

from bdlbench.noise import normal_like

SIZE = 1_000_000
EDGES = stats.norm.ppf(np.arange(1, 1 << 16) / (1 << 16))  # of equiprobable bins


def main() -> None:
    """Print moments with their expectations, and goodness-of-fit tests."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--millions", type=int, default=1000)
    millions = parser.parse_args().millions
    counts, sums = np.zeros(len(EDGES) + 1, np.int64), np.zeros(8)
    generator, like = torch.Generator().manual_seed(0), torch.empty(SIZE)
    for _ in range(millions):
        numbers = normal_like(like, generator).double().numpy()
        powers = np.cumprod(np.broadcast_to(numbers, (8, SIZE)), axis=0)
        sums += powers.sum(axis=1)
        counts += np.bincount(np.searchsorted(EDGES, numbers), minlength=len(counts))
    _report(counts, sums, millions * SIZE)


def _report(counts: np.ndarray, sums: np.ndarray, n: int) -> None:
    for order, total in enumerate(sums, start=1):
        expected = 0 if order % 2 else _odd_factorial(order - 1)
        error = math.sqrt((_odd_factorial(2 * order - 1) - expected**2) / n)
        sigmas = (total / n - expected) / error
        print(f"moment {order}: {total / n:.6f}, expected {expected}, {sigmas:+.2f} SE")
    distance = float(
        np.abs(np.cumsum(counts) / n - np.arange(1, len(counts) + 1) / len(counts)).max()
    )
    p = stats.kstwobign.sf(distance * math.sqrt(n))
    print(f"Kolmogorov-Smirnov, at {len(EDGES)} points: D = {distance:.3g}, p = {p:.3g}")
    print(f"chi-squared, {len(counts)} bins: p = {stats.chisquare(counts).pvalue:.3g}")


def _odd_factorial(n: int) -> int:
    return math.prod(range(n, 0, -2))


if __name__ == "__main__":
    main()
