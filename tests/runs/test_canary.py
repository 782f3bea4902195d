"""A sampler that searches the memory of its process finds no test or OOD data."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from bdlbench import registry
from bdlbench.data.examples import split_validation
from tests.processes import WAIT

Write = Callable[..., str]

# Searches all live arrays and tensors for rows with the outline of a forbidden image.
CANARY = """
import gc, json, sys
import numpy as np
gc.unfreeze()
with open({known!r}) as file:
    known = set(json.load(file))
objects, frame = gc.get_objects(), sys._getframe()
while frame is not None:
    objects += frame.f_locals.values()
    frame = frame.f_back
objects += gc.get_referents(*objects)
kinds = {{kind for kind in set(map(type, objects)) if issubclass(kind, (np.ndarray, torch.Tensor))}}
arrays = {{}}
for item in [item for item in objects if type(item) in kinds]:
    if isinstance(item, torch.Tensor) and item.device.type == "cpu":
        item = item.detach().numpy()
    while isinstance(item, np.ndarray):
        arrays[id(item)] = item
        item = item.base
found = set()
for array in arrays.values():
    if array.ndim > 1 and len(array) and array[0].size in (64, 784) and array.dtype.kind in "iuf":
        rows = array.reshape(len(array), -1)
        masks = np.packbits(rows > rows.min(axis=1, keepdims=True), axis=1)
        found |= known & {{mask.tobytes().hex() for mask in masks}}
if found:
    raise LookupError("forbidden images: " + str(len(found)))
yield problem.init(rng)
"""
SESSION = """
import sys
import torch
from bdlbench.runs import run, task_data, tasks
from bdlbench.comparison.compare import compare
from bdlbench.comparison.planned import make
from bdlbench.data.scaler import Scaler

REQUEST = {"task": "digits", "model": "softmax", "epochs": 3, "seeds": 1, "results": sys.argv[1]}

def look(split):
    record = run.execute(make([f"{sys.argv[1]}/{split}.py"], split=split, **REQUEST).jobs[0])
    print(record.outcome, record.reason)

def look_isolated(split):
    row = compare([f"{sys.argv[1]}/{split}.py"], split=split, force=True, **REQUEST).rows[0]
    print(*row.outcomes, *row.reasons)

task = tasks.get("digits")
look("test")
held = task_data.evaluation_sets(task, "test", ())
look("test")
look_isolated("test")
del held
look("validation")
held = task_data.evaluation_sets(task, "validation", ())["validation"]
held = torch.from_numpy(Scaler.fit(held)(held))
look("validation")
look_isolated("validation")
"""


def outlines(*arrays: NDArray[np.generic]) -> set[str]:
    rows = [array.reshape(len(array), -1) for array in arrays]
    masks = [np.packbits(part > part.min(axis=1, keepdims=True), axis=1) for part in rows]
    return {mask.tobytes().hex() for part in masks for mask in part}


def test_no_sampler_finds_test_or_ood_data_in_memory(write_sampler: Write, tmp_path: Path) -> None:
    train, test = (registry.load("datasets", "digits")().load(s, ()) for s in ("train", "test"))
    letters = registry.load("datasets", "letters")().load("test", ())
    fit, validation = split_validation(train)
    raw = load_digits().images
    forbidden = {
        "test": outlines(test.x, letters.x, raw[len(train) :])
        - outlines(train.x, raw[: len(train)]),
        "validation": outlines(validation.x) - outlines(fit.x),
    }
    for split, known in forbidden.items():
        path = tmp_path / f"{split}.json"
        path.write_text(json.dumps(sorted(known)))
        write_sampler(CANARY.format(known=str(path)), split)
    session = [sys.executable, "-c", SESSION, str(tmp_path)]
    finished = subprocess.run(session, capture_output=True, text=True, timeout=WAIT, check=True)
    lines = finished.stdout.splitlines()
    assert [line.strip() for line in lines if "error" not in line] == ["completed"] * 4
    for line in lines[1::3]:  # the canary detects images that are in memory
        assert re.match(r"plugin error \w+\.py:\d+: LookupError: forbidden images: ", line)
