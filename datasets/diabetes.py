"""Progression of diabetes, a regression on a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bdlbench import register
from bdlbench.data import parts
from bdlbench.data.examples import Examples
from bdlbench.data.installed import sklearn_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


TEST, SEED = 0.2, 0  # part of the rows, and seed of their order


@register("diabetes")
@dataclass(frozen=True)
class Diabetes:
    """Progression of diabetes within a year, from 10 measurements of 442 patients; regression.

    Efron, Hastie, Johnstone & Tibshirani (2004), doi:10.1214/009053604000000067: age, sex,
    body-mass index, blood pressure and six blood serum measurements, in the units that scikit-learn
    ships. 354 patients for training and 88 for testing, drawn at random with a fixed seed. Nothing
    is downloaded.
    """

    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Load a split, with the measure of progression, 25 to 346, as real targets.

        Raises:
            ValueError: The split is neither "train" nor "test".
        """
        x = sklearn_numbers("diabetes_data_raw.csv.gz", delimiter=None)
        y = sklearn_numbers("diabetes_target.csv.gz", delimiter=None)
        return parts.part(Examples(x, y), split, TEST, SEED)
