"""Division of examples into a training and a test part."""

from __future__ import annotations

import numpy as np

from bdlbench.data.examples import Examples

FEWEST = 10  # training examples: one is for validation
SPLITS = ("train", "test")


def part(examples: Examples, split: str, test: float, seed: int) -> Examples:
    """Return the training or the test part of examples, in random order.

    Args:
        examples: All examples.
        split: ``train`` or ``test``.
        test: Fraction of test examples; with 1 there is no training part, as for an OOD set.
        seed: Seed of the order.

    Raises:
        ValueError: The split is unknown, or the training part is too small.
    """
    check_split(split)
    if not 0 < test <= 1:
        raise ValueError(f"expected test > 0 and at most 1, got {test}")
    order = np.random.default_rng(seed).permutation(len(examples))
    size = max(1, round(test * len(examples)))
    chosen = examples[order[:size] if split == "test" else order[size:]]
    return enough(chosen) if split == "train" else chosen


def enough(training: Examples) -> Examples:
    """Return training examples, unless they are too few.

    Raises:
        ValueError: There are fewer than `FEWEST`.
    """
    if len(training) < FEWEST:
        raise ValueError(f"expected at least {FEWEST} training examples, got {len(training)}")
    return training


def check_split(split: str, splits: tuple[str, ...] = SPLITS) -> None:
    """Raise a ValueError for a split that a data set does not have."""
    if split not in splits:
        raise ValueError(f"expected a split of {splits}, got {split!r}")
