"""Keep the trials that a sampler's settings were chosen from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bdlbench.storage import documents
from bdlbench.storage.files import write_file
from bdlbench.storage.published import kept

OBJECTIVE = "negative_log_likelihood"
SCHEMA = 1
CURE = "delete it and tune again"
_FIELDS = {
    "schema": documents.NUMBER,
    "chosen": f"{documents.OBJECT} or {documents.NULL}",
    "trials": documents.LIST,
}
_TRIAL = {
    "spec": documents.TEXT,
    "settings": documents.OBJECT,
    "source_sha256": documents.TEXT,
    "epochs": documents.NUMBER,
    "runs": documents.LIST,
    "objective": f"{documents.NUMBER} or {documents.NULL}",
}


def file_of(task: str, model: str, sampler: str) -> str:
    """Return the name of the file, within a folder of results."""
    return f"tuning/{task}-{model}-{sampler}.json"


def read(results: Path, task: str, model: str, sampler: str) -> dict[str, Any]:
    """Return what is known of a sampler's tuning: its trials, and the settings that were chosen.

    What stands in the user's results counts first, then what bdlbench itself was published with.

    Raises:
        RecordError: The file is damaged.
    """
    path = kept(results, file_of(task, model, sampler))
    if path is None:
        return {"chosen": None, "trials": []}
    content = documents.read(path, CURE, _FIELDS)
    with documents.reading(path, CURE):
        if content["schema"] != SCHEMA:
            raise ValueError(f"expected trials of schema {SCHEMA}")
        for trial in content["trials"]:
            documents.check(trial, _TRIAL, "a trial")
    return {"chosen": content["chosen"], "trials": content["trials"]}


def write(results: Path, task: str, model: str, sampler: str, content: Mapping[str, Any]) -> None:
    """Keep trials and what was chosen.

    Raises:
        RecordError: The folder cannot be written to.
    """
    facts = {"schema": SCHEMA, "task": task, "model": model, "sampler": sampler}
    facts |= {"split": "validation", "objective": OBJECTIVE, **content}
    write_file(results / file_of(task, model, sampler), documents.to_json(facts))


def trials_of(results: Path, task: str, model: str, sampler: Mapping[str, Any]) -> int:
    """Return the number of trials that settings were chosen from; 0 if none is known of.

    Args:
        results: Where trials are kept.
        task: Name of the task.
        model: Name of the model.
        sampler: Name and settings, as in a record.
    """
    found = read(results, task, model, sampler["name"])
    return len(found["trials"]) if found["chosen"] == sampler["settings"] else 0
