"""Tables, CSV or Parquet files, as data sets."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bdlbench.data import located, parts, targets
from bdlbench.data.examples import Examples
from bdlbench.data.targets import Classes
from bdlbench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """A table as a data set; `csv` and `parquet` describe the arguments."""

    path: Path
    target: str | int | None
    test: float | Path
    seed: int
    classes: Classes
    categorical: tuple[str, ...]
    drop: tuple[str, ...]
    separator: str
    header: bool

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Return the training or the test part.

        Raises:
            ValueError: The table is not of the expected kind.
            DataError: A file is missing or cannot be read.
        """
        parts.check_split(split)
        path = located.find(self.path, folders)
        frame = self._read(path)
        if not isinstance(self.test, Path):
            return parts.part(self._examples(frame, path.name), split, self.test, self.seed)
        import pandas as pd

        other = located.find(self.test, folders)
        second = self._read(other)
        if list(second) != list(frame):
            raise DataError(f"{other.name}: expected the columns of {path.name}, got others")
        names = f"{path.name} and {other.name}"
        both = self._examples(pd.concat([frame, second], ignore_index=True), names)
        if split == "test":
            return both[len(frame) :]
        # In random order: the last training examples are those of the validation split.
        order = np.random.default_rng(self.seed).permutation(len(frame))
        return parts.enough(both[order])

    def _read(self, path: Path) -> pd.DataFrame:
        frame = read(path, self.separator, self.header)
        frame.columns = frame.columns.astype(str)
        return frame

    def _examples(self, frame: pd.DataFrame, file: str) -> Examples:
        """Return all rows."""
        for name in self.drop:
            _check_column(file, frame, name)
        frame = frame.drop(columns=list(self.drop))
        target = self._target(file, frame)
        for name in self.categorical:
            _check_column(file, frame, name)
        _check_complete(file, frame)
        features = frame if target is None else frame.drop(columns=target)
        x = _features(file, features, self.categorical)
        if target is None:
            return Examples(x)
        try:
            y, classes = targets.convert(target, _plain(frame[target]), self.classes)
        except ValueError as error:
            raise DataError(f"{file}: {error}") from None
        return Examples(x, y, classes)

    def _target(self, file: str, frame: pd.DataFrame) -> str | None:
        if isinstance(self.target, int):
            names = list(frame)
            if not -len(names) <= self.target < len(names):
                raise DataError(f"{file}: no column {self.target}; it has {len(names)} columns")
            return str(names[self.target])
        if self.target is not None:
            _check_column(file, frame, self.target)
        return self.target


def csv(
    path: str | Path,
    target: str | int | None = None,
    *,
    test: float | str | Path = 0.2,
    seed: int = 0,
    classes: Classes = None,
    categorical: Sequence[str] = (),
    drop: Sequence[str] = (),
    separator: str = ",",
    header: bool = True,
) -> Table:
    r"""Return a CSV file as a data set, whose inputs are all columns but the target.

    A relative path is searched for beside the file that calls this function, then in the current
    folder, then in the data folders.

    Args:
        path: Path of the file.
        target: Name or position of the target's column; None for an OOD set without labels.
        test: Fraction of test rows, or path of a file with the test rows; 1 for an OOD set.
        seed: Seed of the division and of the order of the rows.
        classes: ``"auto"``, the values of the target in their order, or a number of class numbers
            from 0; False for real targets.
        categorical: Columns of texts or numbers that become one input for each of their values, in
            ascending order, 0 or 1.
        drop: Columns to leave out.
        separator: Character between the columns; ``"\s+"`` for any spaces.
        header: Whether the first line gives the names; otherwise they are "0", "1", ….
    """
    place = located.beside_caller(path)
    rows = test if isinstance(test, float | int) else located.beside_caller(test)
    chosen = (tuple(categorical), tuple(drop))
    return Table(place, target, rows, seed, classes, *chosen, separator, header)


def parquet(
    path: str | Path,
    target: str | int | None = None,
    *,
    test: float | str | Path = 0.2,
    seed: int = 0,
    classes: Classes = None,
    categorical: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> Table:
    """Return a Parquet file as a data set; arguments as of `csv`."""
    place = located.beside_caller(path)
    rows = test if isinstance(test, float | int) else located.beside_caller(test)
    return Table(place, target, rows, seed, classes, tuple(categorical), tuple(drop), ",", True)


def read(path: Path, separator: str = ",", header: bool = True) -> pd.DataFrame:
    """Read a CSV or Parquet file.

    Raises:
        DataError: It cannot be read.
    """
    import pandas as pd

    try:
        if path.suffix in (".parquet", ".pq"):
            return pd.read_parquet(path)
        return pd.read_csv(path, sep=separator, header=0 if header else None)
    except ImportError as error:
        raise DataError(f'{path.name}: Parquet needs: pip install "bdlbench[export]"') from error
    except (OSError, ValueError) as error:
        line = str(error).partition("\n")[0]
        raise DataError(f"{path.name}: cannot be read: {line}") from error


def _check_column(file: str, frame: pd.DataFrame, name: str) -> None:
    """Raise a DataError for a name that is no column."""
    names = list(frame)
    if name in names:
        return
    if len(names) == 1 and (found := [each for each in ";\t|" if each in names[0]]):
        raise DataError(f"{file}: one column {names[0][:40]!r}; give separator={found[0]!r}")
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"its columns are {', '.join(names[:8])}"
    raise DataError(f"{file}: no column {name!r}; {hint}")


def _check_complete(file: str, frame: pd.DataFrame) -> None:
    """Raise a DataError for a missing value."""
    missing = frame.isna().to_numpy()
    if missing.any():
        row, column = np.argwhere(missing)[0]
        more = f" and {missing.sum() - 1} others" if missing.sum() > 1 else ""
        name = frame.columns[column]
        raise DataError(
            f"{file}: no value in column {name!r}, row {row + 1}{more}; fill it or drop the row"
        )


def _features(file: str, frame: pd.DataFrame, categorical: Sequence[str]) -> NDArray[np.float32]:
    """Return the inputs, shape (rows, columns)."""
    columns: list[NDArray[Any]] = []
    for name in frame:
        values = _plain(frame[name])
        if name in categorical:
            columns += [values == level for level in np.unique(values)]
        elif values.dtype.kind in "biuf":
            columns.append(values)
        else:
            raise DataError(
                f"{file}: column {name!r} has texts such as {str(values[0])[:20]!r}; encode it, or "
                f"give categorical=[{name!r}] or drop=[{name!r}]"
            )
    if not columns:
        raise DataError(f"{file}: expected columns besides the target, got none")
    return np.stack(columns, axis=1, dtype=np.float32, casting="unsafe")


def _plain(column: pd.Series[Any]) -> NDArray[Any]:
    """Return a column as numbers or texts: not as pandas' own types."""
    values = column.to_numpy()
    return values if values.dtype.kind in "biuf" else values.astype(str)
