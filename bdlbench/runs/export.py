"""Export a run to ArviZ (NetCDF) or Parquet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bdlbench import metrics
from bdlbench.errors import BdlbenchError
from bdlbench.metrics.scores import in_distribution
from bdlbench.records import store
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import IN_DISTRIBUTION, Predictions, Sets
from bdlbench.records.record import COMPLETED, Record
from bdlbench.storage.documents import to_json

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

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

    The record is in the attributes. The groups, for classes:

    - ``posterior_predictive``: each draw's most probable class, on the first test inputs;
    - ``predictions``: the same on the OOD sets;
    - ``log_likelihood``: log p(label) of each draw, on the first test inputs;
    - ``sample_stats``: epochs used up to each draw;
    - ``observed_data``: labels of all sets;
    - ``constant_data``: log-probabilities and entropy, averaged over draws.

    For real targets ``posterior_predictive`` and ``predictions`` hold location and scale of every
    draw, and ``log_likelihood`` the log density.
    """
    import xarray as xr

    inside = in_distribution(sets)
    groups = _real_groups(sets) if isinstance(inside, Densities) else _class_groups(sets)
    if inside.trace is not None and inside.epochs is not None:
        name = "target" if isinstance(inside, Densities) else "label"
        groups["log_likelihood"] = {name: _of_draws(np.asarray(inside.trace), "traced")}
        groups["sample_stats"] = {"epochs": (("chain", "draw"), inside.epochs[None])}
    tree = xr.DataTree.from_dict({f"/{name}": xr.Dataset(group) for name, group in groups.items()})
    tree.attrs = dict(facts(record))
    return tree


def _class_groups(sets: Sets) -> dict[str, dict[str, Any]]:
    classes = {name: each for name, each in sets.items() if isinstance(each, Predictions)}
    votes = {name: _of_draws(averaged.votes, name) for name, averaged in classes.items()}
    constant: dict[str, Any] = {}
    for name, averaged in classes.items():
        inputs = f"{name}_input"
        constant[f"{name}_log_probabilities"] = ((inputs, "class"), averaged.log_probabilities)
        constant[f"{name}_expected_entropy"] = (inputs, averaged.expected_entropy)
    return {
        "posterior_predictive": {n: v for n, v in votes.items() if n in IN_DISTRIBUTION},
        "predictions": {n: v for n, v in votes.items() if n not in IN_DISTRIBUTION},
        "observed_data": _observed(sets),
        "constant_data": constant,
    }


def _real_groups(sets: Sets) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {"posterior_predictive": {}, "predictions": {}}
    for name, each in sets.items():
        if isinstance(each, Densities):
            group = groups["posterior_predictive" if name in IN_DISTRIBUTION else "predictions"]
            axes = ("chain", "draw", f"{name}_input")
            scale = np.broadcast_to(each.scale, each.location.shape)
            group[f"{name}_location"] = (axes, each.location[None])
            group[f"{name}_scale"] = (axes, scale[None])
    return {**groups, "observed_data": _observed(sets)}


def _observed(sets: Sets) -> dict[str, Any]:
    return {name: (f"{name}_input", each.truth) for name, each in sets.items()}


def _of_draws(values: np.ndarray, name: str) -> tuple[tuple[str, str, str], np.ndarray]:
    return ("chain", "draw", f"{name}_followed"), values[None]


def to_frame(record: Record, sets: Sets) -> pd.DataFrame:
    """Return one row per input of every set.

    For classes: label, probabilities and entropies (in nats); for real targets: target, and mean,
    standard deviation, log density and distribution function of the predictive mixture. The record
    is in the frame's attributes.
    """
    import pandas as pd

    parts = []
    for name, each in sets.items():
        columns = _real_columns(each) if isinstance(each, Densities) else _class_columns(each)
        parts.append(pd.DataFrame({"set": name, "input": np.arange(len(each)), **columns}))
    frame = pd.concat(parts, ignore_index=True)
    frame.attrs = dict(facts(record).items())
    return frame


def _class_columns(averaged: Predictions) -> dict[str, Any]:
    p = averaged.probabilities
    return {
        "label": averaged.labels,
        "predicted": metrics.most_probable(p),
        "entropy": metrics.predictive_entropy(p),
        "expected_entropy": averaged.expected_entropy,
        **{f"p_{c}": p[:, c] for c in range(p.shape[1])},
    }


def _real_columns(mixture: Densities) -> dict[str, Any]:
    return {
        "target": mixture.targets,
        "mean": mixture.mean,
        "standard_deviation": np.sqrt(mixture.variance),
        "log_density": mixture.log_density,
        "distribution": mixture.pit,
    }


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
