"""Control rows: AUROCs of OOD scores that use no network, stored with the results."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from bdlbench.data.examples import search_folders
from bdlbench.data.scaler import Scaler
from bdlbench.metrics import controls
from bdlbench.runs import task_data
from bdlbench.runs.plan import Setup
from bdlbench.storage import documents, files
from bdlbench.storage.documents import to_json
from bdlbench.storage.escaping import visible
from bdlbench.storage.published import kept

CONTROL_NAMES = controls.OF_IMAGES
DELETE_CONTROLS = "delete it and compare again"
CONTROLS_VERSION = 1  # raised when `controls.control_aurocs` changes


def find_controls(setup: Setup, fingerprints: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Return the control rows of every OOD set, computed if they are not stored."""
    if setup.split == "validation":
        return {}
    rows = kept_controls(setup.results, setup.task.name, fingerprints)
    if rows is None:
        rows = compute_controls(setup)
        file = controls_file(setup.task.name, fingerprints)
        files.write_file(setup.results / file, to_json(rows))
    return rows


def compute_controls(setup: Setup) -> dict[str, dict[str, float]]:
    """Compute the control rows of every OOD set of the task.

    Images are compared by their pixels, other features as they are scaled for the model.
    """
    folders = search_folders(setup.data_dir)
    train = task_data.training_set(setup.task, setup.split, folders)
    sets = task_data.evaluation_sets(setup.task, setup.split, folders)
    scaler = (lambda each: each.x) if controls.is_images(train.x) else Scaler.fit(train)
    return {
        name: controls.control_aurocs(*map(scaler, (train, sets["test"], sets[name])))
        for name in setup.task.ood_names
    }


def controls_file(task: str, data: Mapping[str, str]) -> str:
    """Return the path of a task's control rows, relative to the results.

    Args:
        task: Name of the task.
        data: SHA-256 of the data sets, by name.
    """
    content = documents.to_json([dict(data), CONTROLS_VERSION])
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f"controls/{task}-{digest[:10]}.json"


def kept_controls(
    results: Path, task: str, data: Mapping[str, str]
) -> dict[str, dict[str, float]] | None:
    """Load control rows, by OOD set and control: from `results`, else those of bdlbench, or None.

    Raises:
        RecordError: The file is corrupt.
    """
    path = kept(results, controls_file(task, data))
    return None if path is None else read_controls(path)


def read_controls(path: Path) -> dict[str, dict[str, float]]:
    """Read a file of control rows.

    Raises:
        RecordError: The file is corrupt.
    """
    content = documents.read(path, DELETE_CONTROLS)
    with documents.reading(path, DELETE_CONTROLS):
        for name, row in content.items():
            others = isinstance(row, dict) and "input_knn" in row
            names = controls.OF_OTHERS if others else CONTROL_NAMES
            documents.check(row, dict.fromkeys(names, documents.NUMBER), visible(name, 40))
    return content
