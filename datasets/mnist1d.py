"""MNIST-1D, sequences that stand for digits, with knobs for shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.ndimage import gaussian_filter1d

from bdlbench import register
from bdlbench.data import parts
from bdlbench.data.examples import Examples
from bdlbench.settings import check_range

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

# Twelve heights for every digit, from the authors' implementation, github.com/greydanus/mnist1d.
TEMPLATES = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
PADDING = (36, 60)  # zeros after the template: few stretch it
LENGTH, SHORT = 72, 40  # points while it is transformed, and in the end
SIZES = {"train": 4000, "test": 1000}
SEED = 0
TINY = 1e-8  # tells a height of zero from the padding, which becomes noise
DECIMALS = 6  # the last bits differ between processors


@register("mnist1d")
@dataclass(frozen=True)
class MNIST1D:
    """MNIST-1D: ten digits as sequences of 40 numbers, drawn from noisy, moved templates.

    Greydanus & Kobak (2024), arXiv:2011.14439. A template of 12 points is padded with zeros,
    stretched, scaled and moved; smooth noise is added where it is zero, white noise everywhere, and
    a random slope; it is then sampled at 40 points. 4,000 sequences for training and 1,000 for
    testing, drawn here with a fixed seed: not those of the authors' file. Nothing is downloaded.

    Larger settings give a shifted test set of the same sequences, such as `mnist1d:shear=1.5`.

    Args:
        scale: Width of the uniform distribution of the scale, around 1.
        translation: Largest number of points, of 72, by which a digit is moved.
        smooth_noise: Scale of the noise that is smoothed by a Gaussian of width 2, around a digit.
        white_noise: Standard deviation of the white noise.
        shear: Width of the uniform distribution of the slope, from end to end, around 0.
    """

    scale: float = 0.4
    translation: int = 48
    smooth_noise: float = 0.25
    white_noise: float = 0.02
    shear: float = 0.75
    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def __post_init__(self) -> None:
        check_range(1, LENGTH, translation=self.translation)
        check_range(0, 2, scale=self.scale)
        check_range(
            *(0, 100), smooth_noise=self.smooth_noise, white_noise=self.white_noise,
            shear=self.shear,
        )  # fmt: skip

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Draw a split, with sequences of shape (n, 1, 40) and labels 0-9.

        Raises:
            ValueError: The split is neither "train" nor "test".
        """
        parts.check_split(split, self.splits)
        rng = np.random.default_rng([SEED, split == "test"])
        labels = rng.permutation(np.arange(SIZES[split]) % len(TEMPLATES))
        x = self._sequences(standardised(TEMPLATES)[labels], rng)
        return Examples(x.round(DECIMALS)[:, None], labels, classes=len(TEMPLATES))

    def _sequences(
        self, templates: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Transform a template for every sequence, shape (n, 12), into shape (n, 40)."""
        n = len(templates)
        padding = rng.integers(PADDING[0], PADDING[1], n, endpoint=True)
        scale, shear = 1 + self.scale * rng.uniform(-0.5, 0.5, n), rng.uniform(-0.5, 0.5, n)
        moved = (rng.random(n) * self.translation).astype(np.int64)
        smooth, white = rng.standard_normal((2, n, LENGTH))
        x = np.stack([stretched(*each) for each in zip(templates, padding, strict=True)])
        x = np.stack([np.roll(*each) for each in zip(x * scale[:, None], moved, strict=True)])
        x += np.where(x == 0, gaussian_filter1d(self.smooth_noise * smooth, 2), 0)
        x += self.white_noise * white
        x -= self.shear * shear[:, None] * np.linspace(-0.5, 0.5, LENGTH)
        return np.stack([resampled(each, SHORT) for each in x])


def standardised(templates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return templates with a standard deviation of 1/6, which begin at 0."""
    spread: NDArray[np.float64] = templates.std(axis=1, keepdims=True)
    return (templates - templates[:, :1]) / (6 * spread)


def stretched(template: NDArray[np.float64], padding: int) -> NDArray[np.float64]:
    """Return a template, followed by zeros, at `LENGTH` points; its own zeros become `TINY`."""
    return resampled(np.concatenate([template + TINY, np.zeros(padding)]), LENGTH)


def resampled(x: NDArray[np.float64], points: int) -> NDArray[np.float64]:
    """Interpolate a sequence linearly at equally distant points."""
    return np.interp(np.linspace(0, len(x) - 1, points), np.arange(len(x)), x)
