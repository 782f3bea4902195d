"""A regression on one input with a gap between two clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bdlbench import register
from bdlbench.data import parts
from bdlbench.data.examples import Examples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

CLUSTERS = ((-1.0, -0.7), (0.5, 1.0))
BETWEEN = ((-0.7, 0.5),)
SIZES = {"train": 100, "test": 400}
SEED = 0
# NumPy's cosine differs in the last bits between processors; rounded targets do not.
DECIMALS = 6


@register("gap")
@dataclass(frozen=True)
class Gap:
    """Regression on one input: two clusters, with a gap between them, and noise that grows with x.

    y = cos(4x + 0.8) + σ(x)·ε, with half of the inputs uniform in [-1, -0.7], half in [0.5, 1]
    (Foong, Li, Hernández-Lobato & Turner, 2019, arXiv:1906.11537, where σ = 0.1). Here the noise is
    heteroscedastic: σ(x) = 0.1·exp(x), from 0.04 to 0.27. 100 inputs for training, 400 for testing,
    with a fixed seed. Nothing is downloaded.

    Args:
        inputs: ``clusters``; or ``between`` for test inputs uniform in the gap, [-0.7, 0.5], as an
            OOD or a shifted test set.
    """

    inputs: str = "clusters"
    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def __post_init__(self) -> None:
        if self.inputs not in ("clusters", "between"):
            raise ValueError(f"expected inputs of clusters or between, got {self.inputs}")

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Draw a split, with inputs of shape (n, 1) and real targets.

        Raises:
            ValueError: The split is neither "train" nor "test", or train between the clusters.
        """
        parts.check_split(split, self.splits)
        if self.inputs == "between" and split == "train":
            raise ValueError('expected the split "test" between the clusters, got "train"')
        ranges = CLUSTERS if self.inputs == "clusters" else BETWEEN
        rng = np.random.default_rng([SEED, split == "test", len(ranges)])
        size = SIZES[split] // len(ranges)
        drawn = np.concatenate([rng.uniform(low, high, size) for low, high in ranges])
        # Rounded to the inputs that a model is given.
        x = rng.permutation(drawn).astype(np.float32).astype(np.float64)
        y = mean(x) + noise_std(x) * rng.standard_normal(len(x))
        return Examples(x[:, None], y.round(DECIMALS))


def mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of y given x."""
    return np.cos(4 * x + 0.8)


def noise_std(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of y given x."""
    return 0.1 * np.exp(x)
