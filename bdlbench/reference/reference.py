"""Store and load reference posteriors.

A reference is ``<results>/references/<task>-<model>-<data>.json``, with its settings and
diagnostics, and a file ``.npz`` of the same name with its arrays. ``<data>`` is a digest of the
training and test data: other data have another posterior. Older files have no ``<model>``.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bdlbench.data import origins
from bdlbench.data.examples import search_folders
from bdlbench.errors import BdlbenchError, DataMissing, RecordError
from bdlbench.reference.facts import Facts
from bdlbench.reference.gate import Trace
from bdlbench.reference.predictive import Averages, Mixture
from bdlbench.runs import chosen_models, task_data, tasks
from bdlbench.runs.recorded_likelihood import CATEGORICAL, USUAL, RecordedLikelihood
from bdlbench.runs.tasks import TaskLike
from bdlbench.storage import documents
from bdlbench.storage.files import write_bytes, write_file
from bdlbench.storage.locations import results_at
from bdlbench.storage.published import kept

JUDGED_ON = ("train", "test")  # data sets that a run must share with its reference
MISSING = "no reference posterior"
REMEDY = "delete it and run bdlbench reference again"
_FACTS = {
    **dict.fromkeys(("task", "model", "key", "arrays_sha256"), documents.TEXT),
    **dict.fromkeys(("data", "diagnostics", "verdicts"), documents.OBJECT),
    "prior_std": documents.NUMBER,
    "converged": documents.TRUTH,
}


@dataclass(frozen=True, eq=False)
class Reference:
    """A reference posterior.

    Args:
        facts: Settings and diagnostics.
        sets: Predictions for the test set and every other evaluation set, by name.
        trace: Traces of the chains.
        draws: Evenly spaced draws of θ, float16 (draws, dim); none if they would be too large.
    """

    facts: Facts
    sets: Mapping[str, Averages | Mixture]
    trace: Trace
    draws: NDArray[np.float16]

    def check_fits(
        self,
        model: str,
        prior_std: float,
        data: Mapping[str, str],
        likelihood: RecordedLikelihood = CATEGORICAL,
        model_sha256: str | None = None,
    ) -> None:
        """Check that the reference is for this problem.

        Args:
            model: Name of the model.
            prior_std: Standard deviation of the prior.
            data: SHA-256 of the data sets, by name.
            likelihood: The likelihood, as in records.
            model_sha256: SHA-256 of the model's source; None if it is not known.

        Raises:
            RecordError: The model, the prior, the data or the likelihood differ.
        """
        pairs: dict[str, tuple[Any, Any]] = {
            "model": (self.facts.model, model),
            "prior_std": (self.facts.prior_std, prior_std),
            "likelihood": (self.facts.likelihood or USUAL, str(likelihood)),
            "likelihood source": (self.facts.likelihood_sha256, likelihood.sha256),
        }
        if model_sha256 is not None:
            pairs["source"] = ((self.facts.model_sha256 or "")[:12], model_sha256[:12])
        for name in JUDGED_ON:
            pairs[f"{name} data"] = (self.facts.data[name][:12], data[name][:12])
        for what, (own, other) in pairs.items():
            if own != other:
                raise RecordError(
                    f"the reference of {self.facts.task} is for {what} {own}, not {other}"
                )


def write(results: Path, reference: Reference) -> Path:
    """Store a reference, and return the path of its JSON file.

    Raises:
        RecordError: The folder is not writable.
    """
    arrays: dict[str, Any] = {"draws": reference.draws}
    for name, averages in reference.sets.items():
        parts = [field.name for field in fields(averages)]
        arrays |= {f"sets/{name}/{part}": getattr(averages, part) for part in parts}
    arrays |= {f"trace/{key}": array for key, array in vars(reference.trace).items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    content = buffer.getvalue()
    path = results / file_of(reference.facts.task, reference.facts.data, reference.facts.model)
    write_bytes(path.with_suffix(".npz"), content)
    facts = replace(reference.facts, arrays_sha256=hashlib.sha256(content).hexdigest())
    known = {name: value for name, value in vars(facts).items() if value is not None}
    write_file(path, documents.to_json(known))
    return path


def file_of(task: str, data: Mapping[str, str], model: str = "") -> str:
    """Return the path of the JSON file, relative to the results.

    Args:
        task: Name of the task.
        data: SHA-256 of the data sets, by name.
        model: Name of the model; empty for an older file.
    """
    digest = origins.digest({name: data[name] for name in JUDGED_ON})
    named = [task, re.sub("[^A-Za-z0-9.]+", "-", model), digest]
    return f"references/{'-'.join(filter(None, named))}.json"


def load(
    task: TaskLike,
    results: Path | str | None = None,
    converged: bool = True,
    data: Mapping[str, str] | None = None,
    model: str | None = None,
) -> Reference:
    """Load the reference of a task: from `results`, else the one installed with bdlbench.

    Example:
        ``reference.load("digits").sets["test"].log_probabilities``

    Args:
        task: Name of the task, its file, or a `Task`.
        results: Folder or URL of the results; by default as for a comparison.
        converged: Reject a reference that failed the convergence gate.
        data: SHA-256 of the data sets by name, as in a record; by default that of the task's data
            on this machine, else of the official files.
        model: Name of the model; by default that of the task.

    Raises:
        RecordError: No reference for these data exists, it is corrupt, or it failed the gate.
        DataMissing: `data` is None, and neither the task's data nor official hashes are available.
    """
    data = _data_of(task) if data is None else data
    name = task if isinstance(task, str) and not task.endswith(".py") else tasks.get(task).name
    model = _model_of(task) if model is None else model
    folder = results_at(results)
    path = kept(folder, file_of(name, data, model)) or kept(folder, file_of(name, data))
    if path is None:
        raise RecordError(
            f"{MISSING} of {name} for training data {data['train'][:12]} and test "
            f"data {data['test'][:12]}; "
            f"`{command(task, model)}` computes one from the available data"
        )
    reference = _read(path)
    failed = [verdict for verdict, holds in reference.facts.verdicts.items() if not holds]
    if converged and not reference.facts.converged:
        raise RecordError(f"the reference of {name} has not converged: not {', not '.join(failed)}")
    return reference


def command(task: TaskLike, model: str) -> str:
    """Return what computes a reference: on the command line, or in Python for a task at hand.

    Args:
        task: As for `load`, or a reference to it.
        model: Name, file or reference of the model.
    """
    text = os.fspath(task) if isinstance(task, str | os.PathLike) else ""
    if not text or "@" in text + model:
        return "bdlbench.reference.make.make(task)"
    own = _model_of(task)
    if not own:
        return "bdlbench reference TASK.py"
    other = f" --model {_nearby(model)}" if model not in ("", own) else ""
    return f"bdlbench reference {_nearby(text)}{other}"


def _nearby(reference: str) -> str:
    """Return a name as it is, and a file with its path from the current folder."""
    path, extension, settings = reference.partition(".py")
    near = os.path.relpath(path) if extension else ".."
    return reference if near.startswith("..") else f"./{near}{extension}{settings}"


def _data_of(task: TaskLike) -> Mapping[str, str]:
    found = tasks.get(task)
    try:
        return task_data.fingerprints(found, "test", search_folders())
    except DataMissing:
        if found.name in origins.USUAL:
            return origins.USUAL[found.name]
        raise


def _model_of(task: TaskLike) -> str:
    """Return the name of the task's model; empty for a task that is not found."""
    try:
        return chosen_models.label(chosen_models.find(tasks.get(task).model))
    except BdlbenchError:
        return ""


def _read(path: Path) -> Reference:
    facts = _read_facts(path)
    with documents.reading(path.with_suffix(".npz"), REMEDY):
        content = path.with_suffix(".npz").read_bytes()
    with documents.reading(path, REMEDY):
        if hashlib.sha256(content).hexdigest() != facts.arrays_sha256:
            raise ValueError("its .npz file does not match the checksum")
        try:
            return _from_arrays(facts, content)
        except (KeyError, TypeError, BadZipFile) as error:
            raise ValueError(f"its .npz file is not that of a reference: {error}") from error


def _read_facts(path: Path) -> Facts:
    content = documents.read(path, REMEDY, _FACTS)
    with documents.reading(path, REMEDY):
        documents.check(content["data"], dict.fromkeys(JUDGED_ON, documents.TEXT), "data")
        for name, kind in (("verdicts", documents.TRUTH), ("diagnostics", documents.NUMBER)):
            documents.check(content[name], dict.fromkeys(content[name], kind), name)
    names = [field.name for field in fields(Facts)]
    return Facts(**{name: content[name] for name in names if name in content})


def _from_arrays(facts: Facts, content: bytes) -> Reference:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = dict(archive)
    names = dict.fromkeys(key.split("/")[1] for key in arrays if key.startswith("sets/"))
    sets: dict[str, Averages | Mixture] = {}
    for name in names:
        kind = Mixture if f"sets/{name}/location" in arrays else Averages
        sets[name] = kind(**_part(arrays, f"sets/{name}/", kind))
    return Reference(facts, sets, Trace(**_part(arrays, "trace/", Trace)), arrays["draws"])


def _part(arrays: dict[str, Any], prefix: str, kind: type) -> dict[str, Any]:
    return {field.name: arrays[prefix + field.name] for field in fields(kind)}
