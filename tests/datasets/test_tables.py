"""The tables are those of `sklearn.datasets`, read without importing it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn import datasets as theirs

from bdlbench import registry
from bdlbench.data.examples import Examples

LOADERS: dict[str, Any] = {
    "diabetes": lambda: theirs.load_diabetes(return_X_y=True, scaled=False),
    "wine": lambda: theirs.load_wine(return_X_y=True),
    "breast-cancer": lambda: theirs.load_breast_cancer(return_X_y=True),
}
SIZES = {"diabetes": (354, 88, None), "wine": (142, 36, 3), "breast-cancer": (455, 114, 2)}


def load(name: str, split: str) -> Examples:
    examples: Examples = registry.load("datasets", name)().load(split, ())
    return examples


@pytest.mark.parametrize("name", LOADERS)
def test_every_row_is_in_one_split(name: str) -> None:
    train, test = load(name, "train"), load(name, "test")
    assert (len(train), len(test), train.classes) == SIZES[name]
    assert train.real == (name == "diabetes")
    x, y = LOADERS[name]()
    ours = np.column_stack([np.concatenate([p.x for p in (train, test)]), [*train.y, *test.y]])
    expected = np.column_stack([x.astype(np.float32), y])
    assert np.array_equal(ours[np.lexsort(ours.T)], expected[np.lexsort(expected.T)])


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_all_classes_are_in_both_splits_and_at_the_end_of_training(name: str) -> None:
    train, test = load(name, "train"), load(name, "test")
    last = train.y[-(len(train) // 10) :]  # the validation split
    for labels in (train.y, test.y, last):
        assert set(labels.tolist()) == set(range(SIZES[name][2] or 0))


def test_unknown_splits_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a split of .*, got 'validation'"):
        load("wine", "validation")


def test_nothing_of_sklearn_is_imported() -> None:
    code = (
        "import sys; from bdlbench import registry;"
        "registry.load('datasets', 'wine')().load('train', ());"
        "print(any(name.startswith('sklearn') for name in sys.modules))"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout == "False\n"
