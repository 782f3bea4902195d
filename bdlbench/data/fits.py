"""Checks that the data sets of a task fit together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bdlbench.data.examples import Examples
from bdlbench.data.set_names import IN_DISTRIBUTION, SHIFT
from bdlbench.errors import DataError

MOST_CLASSES = 256  # the votes of draws are stored in a byte


def check_sets(task: str, train: Examples, sets: Mapping[str, Examples]) -> None:
    """Check the evaluation sets of a task against its training set.

    Args:
        task: Name of the task, for messages.
        train: The training set.
        sets: The evaluation sets, by name.

    Raises:
        DataError: A set is empty or of another shape or kind, has classes that the training set
            lacks, or is the test set once more.
    """
    if not len(train):
        raise DataError(f"{task}: expected training examples, got none")
    if (train.classes or 0) > MOST_CLASSES:
        raise DataError(f"{task}: expected at most {MOST_CLASSES} classes, got {train.classes}")
    for name, examples in sets.items():
        if not len(examples):
            raise DataError(f"{task}: expected examples in the {name} set, got none")
        if examples.x.shape[1:] != train.x.shape[1:] or examples.x.dtype != train.x.dtype:
            raise DataError(
                f"{task}: expected inputs of the {name} set like those of the training set, "
                f"{_shape(train)}, got {_shape(examples)}"
            )
        if name in IN_DISTRIBUTION or name.startswith(SHIFT):
            _check_targets(task, train, name, examples)
        elif np.array_equal(examples.x, sets["test"].x):
            raise DataError(
                f"{task}: the OOD set {name} is the test set, so that its AUROC is 0.5; "
                "give another data set"
            )


def _check_targets(task: str, train: Examples, name: str, examples: Examples) -> None:
    if (examples.classes, examples.real) != (train.classes, train.real):
        raise DataError(
            f"{task}: expected {_kind(train)} in the {name} set, as in training, got "
            f"{_kind(examples)}"
        )
    if train.classes is None and not train.real:
        raise DataError(
            f"{task}: the training set has inputs without labels; give classes=…, or y as float64"
        )
    if train.classes is not None:
        missing = np.setdiff1d(examples.y, train.y)
        if len(missing):
            raise DataError(
                f"{task}: class {missing[0]} occurs in the {name} set, but not in training; "
                "shuffle before splitting, or remove the class"
            )


def _shape(examples: Examples) -> str:
    return f"{examples.x.dtype} (n, {', '.join(map(str, examples.x.shape[1:]))})"


def _kind(examples: Examples) -> str:
    if examples.classes is not None:
        return f"{examples.classes} classes"
    return "real targets" if examples.real else "no labels"
