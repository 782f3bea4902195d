"""Keep the trials that a sampler's settings were chosen from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bdlbench.errors import RecordError
from bdlbench.files import write_file
from bdlbench.provenance import kept
from bdlbench.records import to_json

OBJECTIVE = "negative_log_likelihood"
SCHEMA = 1


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
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        if content["schema"] != SCHEMA or not isinstance(content["trials"], list):
            raise ValueError(f"expected trials of schema {SCHEMA}")
        return {"chosen": content["chosen"], "trials": content["trials"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path}: cannot be read ({error}); delete it") from error


def write(results: Path, task: str, model: str, sampler: str, content: Mapping[str, Any]) -> None:
    """Keep trials and what was chosen.

    Raises:
        RecordError: The folder cannot be written to.
    """
    facts = {"schema": SCHEMA, "task": task, "model": model, "sampler": sampler}
    facts |= {"split": "validation", "objective": OBJECTIVE, **content}
    write_file(results / file_of(task, model, sampler), to_json(facts))


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
