"""The stored predictions of a run, from which every metric is computed.

Those of classes are `Predictions`, those of real targets `Densities`.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bdlbench.data.set_names import IN_DISTRIBUTION as IN_DISTRIBUTION
from bdlbench.errors import RecordError
from bdlbench.records import densities
from bdlbench.records.densities import Densities
from bdlbench.records.quantization import ROUNDING, to_probabilities
from bdlbench.storage import files
from bdlbench.storage.archives import read_arrays
from bdlbench.storage.escaping import visible

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_SET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
LARGEST_FILE = 2**30  # bytes, unpacked: a zip bomb of 1 MB can unpack to far more
_DTYPES = {
    "log_probabilities": np.dtype(np.float32),
    "expected_entropy": np.dtype(np.float32),
    "votes": np.dtype(np.uint8),
    "labels": np.dtype(np.int64),
}
_HISTORY = {
    "trace": np.dtype(np.float32),
    "curve": np.dtype(np.float16),
    "epochs": np.dtype(np.float64),
}


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions for one set of inputs, averaged over draws.

    The history (trace, curve, epochs) is stored for the in-distribution set of a run only.

    Attributes:
        log_probabilities: float32 (inputs, classes), log of the draw-averaged probabilities, to a
            relative error of at most `PRECISION`.
        expected_entropy: float32 (inputs,), entropy averaged over draws, in nats: the entropy of
            the rounded probabilities minus the mutual information.
        votes: uint8 (draws, first inputs), most probable class per draw.
        labels: int64 (inputs,); of an OOD set, not classes of the model.
        trace: float32 (draws, first inputs), log p(label).
        curve: float16 (points, first inputs, classes), log-probabilities averaged over the first
            1, 2, 4, … draws, without the average over all of them.
        epochs: float64 (draws,), epochs used up to each draw.

    Raises:
        ValueError: for a wrong type or shape, non-finite values, rows that do not sum to 1 within
            `ROUNDING`, an entropy out of range, a vote out of range, or an incomplete history.
    """

    log_probabilities: NDArray[np.float32]
    expected_entropy: NDArray[np.float32]
    votes: NDArray[np.uint8]
    labels: NDArray[np.int64]
    trace: NDArray[np.float32] | None = None
    curve: NDArray[np.float16] | None = None
    epochs: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        self._check_types()
        self._check_values()
        self._check_history()

    @property
    def truth(self) -> NDArray[np.int64]:
        """The labels, (inputs,)."""
        return self.labels

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.votes)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Draw-averaged probabilities, float64 (inputs, classes), renormalised."""
        return to_probabilities(self.log_probabilities)

    def course(self) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
        """Return the epochs used and the averages over the first 1, 2, 4, … draws and over all.

        Each average is float64 (first inputs, classes).

        Raises:
            ValueError: The predictions have no history.
        """
        if self.curve is None or self.epochs is None:
            raise ValueError("expected predictions with their history, got none")
        last = to_probabilities(self.log_probabilities[: self.curve.shape[1]])
        points = [*to_probabilities(self.curve), last]
        draws = [*(2**k for k in range(len(points) - 1)), len(self.epochs)]
        return self.epochs[np.array(draws) - 1], points

    def _check_types(self) -> None:
        for name, dtype in _DTYPES.items():
            actual = getattr(self, name).dtype
            if actual != dtype:
                raise ValueError(f"expected {name} of type {dtype}, got {actual}")
        shape = self.log_probabilities.shape
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"expected log_probabilities (inputs, classes), got shape {shape}")
        for name in ("expected_entropy", "labels"):
            actual = getattr(self, name).shape
            if actual != shape[:1]:
                raise ValueError(f"expected {name} of shape {shape[:1]}, got {actual}")
        if self.votes.ndim != 2 or 0 in self.votes.shape or self.votes.shape[1] > shape[0]:
            raise ValueError(f"expected votes (draws, ≤ {shape[0]}), got shape {self.votes.shape}")

    def _check_values(self) -> None:
        for name in ("log_probabilities", "expected_entropy"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"expected finite {name}, got NaN or inf")
        worst = np.abs(np.exp(self.log_probabilities.astype(np.float64)).sum(axis=1) - 1).max()
        if not worst <= ROUNDING:
            raise ValueError(f"expected probabilities that sum to 1, got an error of {worst:.3g}")
        classes = self.log_probabilities.shape[1]
        low, high = float(self.expected_entropy.min()), float(self.expected_entropy.max())
        if low < -ROUNDING or high > math.log(classes) + ROUNDING:
            raise ValueError(f"expected entropies in 0..log {classes}, got {low:.3g}..{high:.3g}")
        if self.votes.max() >= classes:
            raise ValueError(f"expected votes below {classes}, got {self.votes.max()}")

    def _check_history(self) -> None:
        (draws, followed), (inputs, classes) = self.votes.shape, self.log_probabilities.shape
        points = (draws - 1).bit_length()  # powers of two below the number of draws
        traced = 0 if self.trace is None else self.trace.shape[-1]
        shapes = {
            "trace": (draws, min(traced, inputs)),
            "curve": (points, followed, classes),
            "epochs": (draws,),
        }
        arrays = {name: getattr(self, name) for name in _HISTORY}
        if all(array is None for array in arrays.values()):
            return
        for name, array in arrays.items():
            actual = None if array is None else (array.shape, array.dtype)
            if actual != (shapes[name], _HISTORY[name]):
                expected = f"{shapes[name]} of {_HISTORY[name]}"
                raise ValueError(f"expected {name} {expected}, got {actual}")
            if np.isnan(array).any():
                raise ValueError(f"expected {name} without NaN")
        self._check_curve()

    def _check_curve(self) -> None:
        assert self.curve is not None
        assert self.epochs is not None
        sums = np.exp(self.curve.astype(np.float32)).sum(axis=-1)
        if not np.abs(sums - 1).max(initial=0) <= ROUNDING:
            raise ValueError("expected probabilities in curve that sum to 1")
        if (
            not np.isfinite(self.epochs).all()
            or self.epochs[0] < 0
            or (np.diff(self.epochs) < 0).any()
        ):
            raise ValueError("expected epochs that are finite and never decrease")


Predicted = Predictions | Densities
"""Predictions for one set of inputs."""
Sets = Mapping[str, Predicted]
"""Predictions of a run, by set."""


def save(path: Path, sets: Sets) -> None:
    """Write predictions to a compressed .npz file with arrays named ``<set>/<field>``.

    The bytes are reproducible: sets in alphabetical order, arrays in C order, entries dated 1980.

    Raises:
        ValueError: No sets, an invalid set name, or labels out of range.
    """
    _check_sets(sets)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(sets):
            for field, array in asdict(sets[name]).items():
                if array is not None:
                    entry = zipfile.ZipInfo(f"{name}/{field}.npy")
                    entry.compress_type = _compression(array)
                    with archive.open(entry, "w") as file:
                        np.save(file, np.asarray(array, order="C"), allow_pickle=False)


def _compression(array: NDArray[Any]) -> int:
    """Return the method with the smallest result; for small arrays deflate, six times faster."""
    if array.nbytes < 2**16:
        return zipfile.ZIP_DEFLATED
    return zipfile.ZIP_BZIP2 if array.dtype.kind == "f" else zipfile.ZIP_LZMA


def read(path: Path) -> dict[str, Any]:
    """Read the predictions that `save` wrote; nothing is unpickled.

    Raises:
        RecordError: The file cannot be read or is invalid.
    """
    try:
        content = files.read_bytes(path, LARGEST_FILE)
    except (OSError, ValueError) as error:
        raise _unexpected(path, error) from error
    return parse(content, path)


def parse(content: bytes, path: Path) -> dict[str, Any]:
    """Parse the content of a predictions file; `path` is named in errors.

    Raises:
        RecordError: The content is invalid.
    """
    try:
        sets: dict[str, Predicted] = {
            name: (Densities if "location" in arrays else Predictions)(**arrays)
            for name, arrays in _arrays(content).items()
        }
        _check_sets(sets)
    # On corrupt bytes, zipfile, zlib and NumPy raise almost any exception.
    except Exception as error:
        raise _unexpected(path, error) from error
    return sets


def _unexpected(path: Path, error: Exception) -> RecordError:
    reason = visible(" ".join(str(error).split()) or type(error).__name__)
    return RecordError(f"expected predictions in {path}, got: {reason}")


def _arrays(content: bytes) -> dict[str, dict[str, Any]]:
    sets: dict[str, dict[str, Any]] = {}
    for key, array in read_arrays(content, LARGEST_FILE).items():
        name, _, field = key.rpartition("/")
        sets.setdefault(name, {})[field] = array
    for name, arrays in sets.items():
        fields = _expected_fields(arrays)
        if arrays.keys() != fields:
            raise ValueError(f"expected arrays {sorted(fields)} in {name!r}, got {sorted(arrays)}")
    return sets


def _expected_fields(arrays: Mapping[str, Any]) -> set[str]:
    if "location" in arrays:
        return {*densities.DTYPES, *({"epochs"} & arrays.keys())}
    return {*_DTYPES, *(_HISTORY if _HISTORY.keys() & arrays.keys() else ())}


def _check_sets(sets: Sets) -> None:
    if not sets:
        raise ValueError("expected at least one set of inputs, got none")
    if len({type(predicted) for predicted in sets.values()}) > 1:
        raise ValueError("expected sets of one kind, got class probabilities and densities")
    for name, predictions in sets.items():
        if not _SET_NAME.fullmatch(name):
            raise ValueError(f"expected a set name of letters, digits, - and _, got {name!r}")
        if isinstance(predictions, Densities):
            continue
        classes, labels = predictions.log_probabilities.shape[1], predictions.labels
        if name in IN_DISTRIBUTION and (labels.min() < 0 or labels.max() >= classes):
            actual = f"{labels.min()}..{labels.max()}"
            raise ValueError(f"expected labels of {name} in 0..{classes - 1}, got {actual}")
