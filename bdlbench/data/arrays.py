"""NumPy arrays as a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bdlbench.data import located, parts, targets
from bdlbench.data.examples import Examples
from bdlbench.data.targets import Classes
from bdlbench.errors import DataError

NAMES = ("x", "y", "x_test", "y_test")


@dataclass(frozen=True, eq=False)
class Arrays:
    """A data set of NumPy arrays; `arrays` describes the arguments."""

    x: NDArray[Any] | Path
    y: NDArray[Any] | None
    x_test: NDArray[Any] | None
    y_test: NDArray[Any] | None
    classes: Classes
    test: float
    seed: int

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Return the training or the test part.

        Raises:
            ValueError: The arrays are not of the expected types or shapes.
            DataError: The file cannot be read.
        """
        parts.check_split(split)
        given = {name: getattr(self, name) for name in NAMES}
        if isinstance(self.x, Path):
            given = _read(located.find(self.x, folders))
        x, y, x_test, y_test = (given[name] for name in NAMES)
        if x_test is None:
            return parts.part(_examples(x, y, self.classes), split, self.test, self.seed)
        if (y is None) != (y_test is None):
            raise ValueError("expected both y and y_test, or neither")
        if x_test.shape[1:] != x.shape[1:]:
            shape = ", ".join(map(str, ("n", *x.shape[1:])))
            raise ValueError(f"expected x_test of shape ({shape}), got {x_test.shape}")
        both = None if y is None else np.concatenate([y, y_test])  # the same classes in both
        examples = _examples(np.concatenate([x, x_test]), both, self.classes)
        if split == "train":
            return parts.enough(examples[: len(x)])
        return examples[len(x) :]


def arrays(
    x: NDArray[Any] | str | Path,
    y: NDArray[Any] | None = None,
    *,
    x_test: NDArray[Any] | None = None,
    y_test: NDArray[Any] | None = None,
    classes: Classes = None,
    test: float = 0.2,
    seed: int = 0,
) -> Arrays:
    """Return a data set of NumPy arrays, or of an ``.npz`` file that contains them.

    Args:
        x: Inputs, shape (n, …): uint8 for images, with channels (n, channels, height, width);
            floats for features; signed integers for tokens, which are not scaled. Or the path of an
            ``.npz`` file with arrays of the names of these arguments.
        y: Targets, shape (n,); None for an OOD set without labels.
        x_test: Inputs of the test set; None to divide `x` at random.
        y_test: Targets of the test set.
        classes: Number of classes, their names, ``"auto"`` to find them, False for real targets.
        test: Fraction of test examples, if `x` is divided; 1 for an OOD set.
        seed: Seed of the division.
    """
    place = located.beside_caller(x) if isinstance(x, str | Path) else np.asarray(x)
    labels, inputs, test_labels = (
        None if each is None else np.asarray(each) for each in (y, x_test, y_test)
    )
    return Arrays(place, labels, inputs, test_labels, classes, test, seed)


def _examples(x: NDArray[Any], y: NDArray[Any] | None, classes: Classes) -> Examples:
    kinds = {"f": np.float32, "i": np.int64, "b": np.float32}
    if x.dtype.kind in kinds:
        x = x.astype(kinds[x.dtype.kind], copy=False)
    if y is None:
        return Examples(x)
    if y.shape != x.shape[:1]:
        raise ValueError(f"expected y of shape ({len(x)},), got {y.shape}")
    values, number = targets.convert("y", y, classes)
    return Examples(x, values, number)


def _read(path: Path) -> dict[str, NDArray[Any] | None]:
    try:
        with np.load(path, allow_pickle=False) as file:
            if "x" not in file:
                raise DataError(f"{path}: expected an array x, got {', '.join(file) or 'none'}")
            return {name: file.get(name) for name in NAMES}
    except (OSError, ValueError, TypeError, EOFError, AttributeError) as error:
        raise DataError(f"{path}: expected an .npz file with x and y ({error})") from error
