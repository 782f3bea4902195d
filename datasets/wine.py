"""Cultivars of wine, a classification of a table."""

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


@register("wine")
@dataclass(frozen=True)
class Wine:
    """Three cultivars of wine, from 13 chemical measurements of 178 wines.

    Aeberhard & Forina (1992), doi:10.24432/C5PC7J, as scikit-learn ships it. 142 wines for training
    and 36 for testing, drawn at random with a fixed seed. Nothing is downloaded.
    """

    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Load a split, with labels 0-2.

        Raises:
            ValueError: The split is neither "train" nor "test".
        """
        rows = sklearn_numbers("wine_data.csv", skip=1)
        labels = rows[:, -1].astype(np.int64)
        return parts.part(Examples(rows[:, :-1], labels, classes=3), split, TEST, SEED)
