"""Breast tumours, a binary classification of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bdlbench import register
from bdlbench.data import parts
from bdlbench.data.examples import Examples
from bdlbench.data.installed import sklearn_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


TEST, SEED = 0.2, 0  # part of the rows, and seed of their order


@register("breast-cancer")
@dataclass(frozen=True)
class BreastCancer:
    """Malignant (0) and benign (1) breast tumours, from 30 measurements of 569 cell nuclei images.

    Wolberg, Mangasarian, Street & Street (1993), doi:10.24432/C5DW2B, as scikit-learn ships it. 455
    tumours for training and 114 for testing, drawn at random with a fixed seed. Nothing is
    downloaded.
    """

    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Load a split, with labels 0 (malignant) and 1 (benign).

        Raises:
            ValueError: The split is neither "train" nor "test".
        """
        rows = sklearn_numbers("breast_cancer.csv", skip=1)
        labels = rows[:, -1].astype(np.int64)
        return parts.part(Examples(rows[:, :-1], labels, classes=2), split, TEST, SEED)
