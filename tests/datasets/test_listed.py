"""The tables of data sets in docs/datasets.md state what is loaded."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from bdlbench import registry
from bdlbench.data.examples import Examples, search_folders
from bdlbench.settings import parse

PAGE = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text("utf-8")
OFFLINE = (
    *("diabetes", "wine", "breast-cancer", "gap", "gap:inputs=between", "mnist1d"),
    *("digits", "rotated-digits:degrees=15", "letters", "mnist-letters"),
)


def listed(table: str) -> list[str]:
    """Return the rows of a table of the page, without its header."""
    found = re.search(rf"<!-- {table} -->\n(.*?)<!-- /{table} -->", PAGE, re.DOTALL)
    assert found is not None
    return found[1].splitlines()[2:]


def row(spec: str) -> str:
    """Return the row of a data set, as the page should have it."""
    made = registry.create("datasets", parse(spec))
    splits = ("train", "test") if spec != "gap:inputs=between" else ("test",)
    parts: dict[str, Examples] = {
        split: made.load(split, search_folders()) for split in splits if split in made.splits
    }
    train, test = (f"{len(parts[s]):,}" if s in parts else "–" for s in ("train", "test"))
    x, y, classes = parts["test"].x, parts["test"], parts["test"].classes
    size = "×".join(map(str, x.shape[1:]))
    if x.dtype == np.uint8:
        inputs = f"{size}, {'grey' if x.ndim == 3 else 'colour'}"
    else:
        inputs = size if x.ndim > 2 else f"{size} column{'s' if size != '1' else ''}"
    targets = "real" if y.real else f"{classes} classes"
    return f"| `{spec}` | {train} | {test} | {inputs} | {targets} |"


def test_the_data_sets_that_need_no_files() -> None:
    expected = [row(spec) for spec in OFFLINE]
    assert listed("offline") == expected, "\n".join(expected)


def test_every_data_set_is_listed() -> None:
    found = re.findall(r"^\| `([a-z0-9-]+)", "\n".join(listed("offline") + listed("files")), re.M)
    assert set(found) == set(registry.names("datasets"))


@pytest.mark.skipif(not os.environ.get("BDLBENCH_DATA"), reason="BDLBENCH_DATA is not set")
def test_the_data_sets_whose_files_are_here() -> None:
    for spec in ("mnist", "rotated-mnist:degrees=15", "notmnist"):
        assert row(spec) in listed("files")
