"""Tables, CSV or Parquet files, as data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bdlbench.data import columns, located, parts, targets
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
    separator: str | None  # None for Parquet
    header: bool

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Return the training or the test part, in random order.

        Raises:
            ValueError: The split is neither "train" nor "test".
            DataError: A file is missing or cannot be read, or has other contents.
        """
        parts.check_split(split)
        path = located.find(self.path, folders)
        frame = self._read(path)
        if not isinstance(self.test, Path):
            with _named(path.name):
                return parts.part(self._examples(frame), split, self.test, self.seed)
        import pandas as pd

        other = located.find(self.test, folders)
        second = self._read(other)
        with _named(other.name):
            if list(second) != list(frame):
                raise ValueError(
                    f"expected the columns of {path.name}, got {', '.join(map(str, second))}"
                )
        with _named(f"{path.name} and {other.name}"):
            # Together, so that classes and categories are the same.
            both = self._examples(pd.concat([frame, second], ignore_index=True))
            if split == "test":
                return both[len(frame) :]
            order = np.random.default_rng(self.seed).permutation(len(frame))
            return parts.enough(both[order])

    def _read(self, path: Path) -> pd.DataFrame:
        """Return a complete table without the columns to drop, the target last."""
        frame = _read(path, self.separator, self.header)
        with _named(path.name):
            frame.columns = frame.columns.astype(str)
            target = [] if self.target is None else [columns.name_of(frame, self.target)]
            drop = [columns.name_of(frame, name) for name in self.drop]
            kept = [name for name in frame if name not in (*drop, *target)]
            frame = frame[kept + target]
            columns.check_complete(frame)
            return frame

    def _examples(self, frame: pd.DataFrame) -> Examples:
        """Return all rows."""
        categorical = [columns.name_of(frame, name) for name in self.categorical]
        if self.target is None:
            return Examples(columns.features(frame, categorical))
        target = frame.columns[-1]
        x = columns.features(frame.drop(columns=target), categorical)
        return Examples(x, *targets.convert(target, columns.plain(frame[target]), self.classes))


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
    return Table(place, target, rows, seed, classes, tuple(categorical), tuple(drop), None, True)


@contextmanager
def _named(file: str) -> Iterator[None]:
    """Name the file in the message of a ValueError."""
    try:
        yield
    except ValueError as error:
        raise DataError(f"{file}: {error}") from error


def _read(path: Path, separator: str | None, header: bool) -> pd.DataFrame:
    """Read a CSV file, or a Parquet file without a separator."""
    import pandas as pd

    try:
        if separator is None:
            return pd.read_parquet(path)
        return pd.read_csv(path, sep=separator, header=0 if header else None)
    except ImportError as error:
        raise DataError(f'{path.name}: Parquet needs: pip install "bdlbench[export]"') from error
    except (OSError, ValueError) as error:
        line = str(error).partition("\n")[0]
        raise DataError(f"{path.name}: cannot be read: {line}") from error
