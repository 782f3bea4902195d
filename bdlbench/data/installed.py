"""Files that scikit-learn ships with its data sets."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def sklearn_numbers(name: str, delimiter: str | None = ",", skip: int = 0) -> NDArray[np.float64]:
    """Return the numbers of a text file of scikit-learn, shape (rows, columns) or (rows,).

    Importing `sklearn.datasets` instead would take as long as a small run.

    Args:
        name: Name of the file, gzipped if it ends in ``.gz``.
        delimiter: What separates the columns; None for spaces.
        skip: Number of lines to skip.
    """
    spec = find_spec("sklearn")
    assert spec is not None, "scikit-learn is installed with bdlbench"
    assert spec.origin is not None
    file = Path(spec.origin).parent / "datasets" / "data" / name
    return np.loadtxt(file, np.float64, delimiter=delimiter, skiprows=skip)
