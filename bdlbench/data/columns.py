"""Columns of a table as inputs and targets; a ValueError names the column and the row."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


def name_of(frame: pd.DataFrame, column: str | int) -> str:
    """Return the name of a column, given by name or position."""
    names = [str(name) for name in frame]
    if isinstance(column, int):
        if not -len(names) <= column < len(names):
            raise ValueError(f"expected one of {len(names)} columns, got column {column}")
        return str(names[column])
    if column in names:
        return column
    if len(names) == 1 and (found := [each for each in ";\t|" if each in names[0]]):
        raise ValueError(f"one column {names[0][:40]!r}; give separator={found[0]!r}")
    near = difflib.get_close_matches(column, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"its columns are {', '.join(names[:8])}"
    raise ValueError(f"no column {column!r}; {hint}")


def check_complete(frame: pd.DataFrame) -> None:
    """Raise a ValueError for a missing or infinite value, and for no rows."""
    if not len(frame):
        raise ValueError("expected rows, got none")
    missing = frame.isin([np.inf, -np.inf]).to_numpy() | frame.isna().to_numpy()
    if missing.any():
        row, column = np.argwhere(missing)[0]
        more = f" and {missing.sum() - 1} others" if missing.sum() > 1 else ""
        name = frame.columns[column]
        raise ValueError(
            f"no finite value in column {name!r}, row {row + 1}{more}; fill it or drop the row"
        )


def features(frame: pd.DataFrame, categorical: Sequence[str]) -> NDArray[np.float32]:
    """Return inputs of shape (rows, inputs): numbers, and a 0 or 1 for each value of a category."""
    columns: list[NDArray[Any]] = []
    for name in frame:
        values = plain(frame[name])
        if name in categorical:
            columns += [values == level for level in np.unique(values)]
        elif values.dtype.kind in "biuf":
            columns.append(values)
        else:
            raise ValueError(_no_number(str(name), frame[name]))
    if not columns:
        raise ValueError("expected columns besides the target, got none")
    return np.stack(columns, axis=1, dtype=np.float32, casting="unsafe")


def plain(column: pd.Series[Any]) -> NDArray[Any]:
    """Return a column as numbers or texts: not as pandas' own types."""
    values = column.to_numpy()
    return values if values.dtype.kind in "biuf" else values.astype(str)


def _no_number(name: str, column: pd.Series[Any]) -> str:
    """Describe the first value of a column that is no number."""
    import pandas as pd

    row = int(pd.to_numeric(column, errors="coerce").isna().to_numpy().argmax())
    what = f"column {name!r}: {str(column.iloc[row])[:20]!r} in row {row + 1} is no number"
    return f"{what}; mend it, or give categorical=[{name!r}] or drop=[{name!r}]"
