"""Targets from a column of a table or an array: real numbers, or class numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEW = 20  # different integers: as many may be numbers of classes, more are taken as real
SAY = 'give classes="auto" for classification, or classes=False for real targets'
Classes = bool | int | str | Sequence[str | int] | None
"""What is known of the classes of a target.

None: real numbers, except a few different integers or texts, which might be classes: an error.
False: real numbers. ``"auto"``: the different values, in ascending order. A number: class numbers
from 0. Names or integers: the values of the column, in this order.
"""


def convert(name: str, values: NDArray[Any], classes: Classes) -> tuple[NDArray[Any], int | None]:
    """Return targets and their number of classes, as `Examples` expects them.

    Args:
        name: Name of the target, for messages.
        values: Shape (n,): numbers, truth values or texts.
        classes: See `Classes`.

    Raises:
        ValueError: The values are not of the expected kind, or might be of either.
    """
    if values.dtype.kind == "O":
        values = values.astype(str)
    if values.ndim != 1:
        raise ValueError(f"target {name}: expected shape (n,), got {values.shape}")
    if classes is None or classes is False:
        return _real(name, values, said=classes is False), None
    if classes is True or (isinstance(classes, str) and classes != "auto"):
        raise ValueError(f'expected classes="auto", False, a number or names, got {classes!r}')
    if isinstance(classes, int):
        return _numbers(name, values, classes), classes
    names = np.unique(values).tolist() if classes == "auto" else list(classes)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"target {name}: expected two or more different classes, got {names}")
    if values.dtype.kind == "f" and len(names) > FEW:
        raise ValueError(f"target {name}: {len(names)} different numbers; give classes=False")
    index = {value: number for number, value in enumerate(names)}
    unknown = [value for value in np.unique(values).tolist() if value not in index]
    if unknown:
        raise ValueError(f"target {name}: {unknown[0]!r} is none of the classes {names}")
    return np.array([index[value] for value in values.tolist()], np.int64), len(names)


def _real(name: str, values: NDArray[Any], said: bool) -> NDArray[np.float64]:
    if values.dtype.kind not in "biuf":
        got = f"{values.tolist()[0]!r}" if len(values) else "texts"
        raise ValueError(f'target {name}: expected numbers, got {got}; give classes="auto"')
    if not said and values.dtype.kind != "f" and (few := len(np.unique(values))) <= FEW:
        raise ValueError(f"target {name}: {few} different integers; {SAY}")
    return values.astype(np.float64)


def _numbers(name: str, values: NDArray[Any], classes: int) -> NDArray[np.int64]:
    whole = values.dtype.kind in "biu" or (
        values.dtype.kind == "f" and np.array_equal(values, np.floor(values))
    )
    if not whole or (len(values) and not 0 <= values.min() <= values.max() < classes):
        got = f"{values.min()} to {values.max()}" if values.dtype.kind in "biuf" else "texts"
        raise ValueError(f"target {name}: expected class numbers 0 to {classes - 1}, got {got}")
    return values.astype(np.int64)
