"""Export a run to ArviZ (NetCDF) or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bdlbench import metrics
from bdlbench.errors import BdlbenchError
from bdlbench.metrics.scores import in_distribution
from bdlbench.records import store
from bdlbench.records.predictions import IN_DISTRIBUTION, Predictions
from bdlbench.records.record import COMPLETED, Record
from bdlbench.storage.documents import to_json

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Sets = Mapping[str, Predictions]
EXTRA = "pip install 'bdlbench[export]'"


def check_format(to: str) -> None:
    """Raise a BdlbenchError for an unknown format."""
    if to not in WRITERS:
        raise BdlbenchError(f"expected --to {' or '.join(WRITERS)}, got {to!r}")


def export(folder: Path, to: str, out: Path | None = None) -> Path:
    """Write a run's record and predictions to one file, and return its path.

    Args:
        folder: Folder of the run.
        to: ``arviz`` or ``parquet``.
        out: Path of the file; by default the run's name with a suffix, in the current folder.

    Raises:
        BdlbenchError: Unknown format, missing library, no predictions, or the file is not writable.
    """
    check_format(to)
    write, ending = WRITERS[to]
    record = store.read(folder)
    if record.outcome != COMPLETED:
        raise BdlbenchError(f"{record.run} has no predictions to export: {record.outcome}")
    sets = store.read_predictions(folder, record)
    path = out or Path(f"{record.run}{ending}")
    try:
        write(record, sets, path)
    except ImportError as error:
        raise BdlbenchError(f"--to {to} needs {error.name}; {EXTRA}") from error
    except OSError as error:
        raise BdlbenchError(f"cannot write {path} ({error})") from error
    return path


def facts(record: Record) -> dict[str, str]:
    """Return the fields of a record as text, JSON-encoded unless they are strings."""
    return {
        name: value if isinstance(value, str) else to_json(value)
        for name, value in record.content().items()
    }


def to_tree(record: Record, sets: Sets) -> xr.DataTree:
    """Return a run as ArviZ groups: one chain, one dimension of inputs per set.

    The record is in the attributes. The groups:

    - ``posterior_predictive``: each draw's most probable class, on the first test inputs;
    - ``predictions``: the same on the OOD sets;
    - ``log_likelihood``: log p(label) of each draw, on the first test inputs;
    - ``sample_stats``: epochs used up to each draw;
    - ``observed_data``: labels of all sets;
    - ``constant_data``: log-probabilities and entropy, averaged over draws.
    """
    import xarray as xr

    inside = in_distribution(sets)
    votes = {name: _of_draws(averaged.votes, name) for name, averaged in sets.items()}
    constant: dict[str, Any] = {}
    for name, averaged in sets.items():
        inputs = f"{name}_input"
        constant[f"{name}_log_probabilities"] = ((inputs, "class"), averaged.log_probabilities)
        constant[f"{name}_expected_entropy"] = (inputs, averaged.expected_entropy)
    groups: dict[str, dict[str, Any]] = {
        "posterior_predictive": {n: v for n, v in votes.items() if n in IN_DISTRIBUTION},
        "predictions": {n: v for n, v in votes.items() if n not in IN_DISTRIBUTION},
        "observed_data": {n: (f"{n}_input", averaged.labels) for n, averaged in sets.items()},
        "constant_data": constant,
    }
    if inside.trace is not None and inside.epochs is not None:
        groups["log_likelihood"] = {"label": _of_draws(inside.trace, "traced")}
        groups["sample_stats"] = {"epochs": (("chain", "draw"), inside.epochs[None])}
    tree = xr.DataTree.from_dict({f"/{name}": xr.Dataset(group) for name, group in groups.items()})
    tree.attrs = dict(facts(record))
    return tree


def _of_draws(values: np.ndarray, name: str) -> tuple[tuple[str, str, str], np.ndarray]:
    return ("chain", "draw", f"{name}_followed"), values[None]


def to_frame(record: Record, sets: Sets) -> pd.DataFrame:
    """Return one row per input of every set: label, probabilities and entropies (in nats).

    The record is in the frame's attributes.
    """
    import pandas as pd

    parts = []
    for name, averaged in sets.items():
        p = averaged.probabilities
        columns: dict[str, Any] = {
            "set": name,
            "input": np.arange(len(p)),
            "label": averaged.labels,
            "predicted": metrics.most_probable(p),
            "entropy": metrics.predictive_entropy(p),
            "expected_entropy": averaged.expected_entropy,
            **{f"p_{c}": p[:, c] for c in range(p.shape[1])},
        }
        parts.append(pd.DataFrame(columns))
    frame = pd.concat(parts, ignore_index=True)
    frame.attrs = dict(facts(record).items())
    return frame


def _write_tree(record: Record, sets: Sets, path: Path) -> None:
    import h5netcdf  # noqa: F401 -- so that an ImportError names it

    to_tree(record, sets).to_netcdf(path, engine="h5netcdf")


def _write_frame(record: Record, sets: Sets, path: Path) -> None:
    import pyarrow  # noqa: F401 -- fastparquet would lose the attributes

    to_frame(record, sets).to_parquet(path, engine="pyarrow")


WRITERS: dict[str, tuple[Callable[[Record, Sets, Path], None], str]] = {
    "arviz": (_write_tree, ".nc"),
    "parquet": (_write_frame, ".parquet"),
}
