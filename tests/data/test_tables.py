"""A CSV or Parquet file is a data set by a line, and its mistakes are named by column and row."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bdlbench.data import csv, parquet
from bdlbench.data.examples import Examples
from bdlbench.errors import DataError, DataMissing

N = 40
FRAME = pd.DataFrame(
    {
        "beam": np.arange(N) / 2,
        "kind": ["sail", "motor"] * (N // 2),
        "crew": np.arange(N) % 3,
        "resistance": np.arange(N) ** 2 / 8 + 0.5,
    }
)
Load = Callable[..., Examples]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def call(frame: pd.DataFrame | str = FRAME, split: str = "train", **options: Any) -> Examples:
        path = tmp_path / "yacht.csv"
        text = frame if isinstance(frame, str) else frame.to_csv(index=False)
        path.write_text(text)
        return csv(path, **options).load(split, ())

    return call


def test_all_columns_but_the_target_are_inputs(load: Load) -> None:
    options = {"target": "resistance", "drop": ["kind"]}
    train, test = (load(split=split, **options) for split in ("train", "test"))
    assert (len(train), len(test), train.classes, train.real) == (32, 8, None, True)
    beams = np.concatenate([train.x[:, 0], test.x[:, 0]])
    assert sorted(beams.tolist()) == FRAME["beam"].tolist(), "every row once"
    for part in (train, test):
        rows = (part.x[:, 0] * 2).astype(int)
        assert part.x[:, 1].tolist() == (rows % 3).tolist()
        assert part.y.tolist() == (rows**2 / 8 + 0.5).tolist()


def test_the_division_depends_on_the_seed_alone(load: Load) -> None:
    options = {"target": "resistance", "drop": ["kind"]}
    first, again, other = (load(seed=seed, **options).sha256 for seed in (1, 1, 2))
    assert first == again != other


def test_categories_become_inputs_of_0_and_1(load: Load) -> None:
    found = load(target="resistance", categorical=["kind", "crew"], drop=["beam"])
    rows = np.sqrt((found.y - 0.5) * 8).round().astype(int)
    expected = np.stack([rows % 2 == 1, rows % 2 == 0, *(rows % 3 == k for k in range(3))], 1)
    assert np.array_equal(found.x, expected), "motor before sail, then crews of 0, 1, 2"


@pytest.mark.parametrize(
    ("classes", "motor"), [("auto", 0), (["motor", "sail"], 0), (["sail", "motor"], 1)]
)
def test_texts_are_classes_in_alphabetical_or_in_the_given_order(
    load: Load, classes: Any, motor: int
) -> None:
    found = load(target="kind", classes=classes)
    motors = (found.x[:, 0] * 2).astype(int) % 2 == 1
    assert found.classes == 2
    assert np.array_equal(found.y == motor, motors)


def test_a_whole_table_may_be_an_ood_set_without_labels(load: Load) -> None:
    found = load(split="test", drop=["kind"], test=1)
    assert (len(found), found.classes, found.real) == (N, None, False)
    with pytest.raises(DataError, match=r"yacht\.csv: expected at least 10 training ex.*got 0"):
        load(drop=["kind"], test=1)


def test_columns_by_position_without_a_header(load: Load) -> None:
    text = FRAME.to_csv(index=False, header=False, sep=" ")
    found = load(text, target=-1, drop=["1"], header=False, separator=" ")
    assert found.sha256 == load(target="resistance", drop=["kind"]).sha256


def test_test_rows_from_a_file_of_their_own(tmp_path: Path) -> None:
    # Without a motor boat: the categories are those of both files.
    FRAME[:30:2].to_csv(tmp_path / "train.csv", index=False)
    FRAME[30:].to_csv(tmp_path / "test.csv", index=False)
    table = csv(
        tmp_path / "train.csv",
        target="resistance",
        test=tmp_path / "test.csv",
        categorical=["kind"],
    )
    train, test = table.load("train", ()), table.load("test", ())
    assert sorted((train.x[:, 0] * 2).tolist()) == list(range(0, 30, 2))
    assert (test.x[:, 0] * 2).tolist() == list(range(30, 40))
    assert train.x.shape[1] == test.x.shape[1] == 4
    FRAME.drop(columns="crew").to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(DataError, match=r"test\.csv: expected the columns of train\.csv, got beam"):
        table.load("train", ())


def test_parquet_gives_the_same_as_csv(load: Load, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = FRAME.astype({"crew": "Int64", "kind": "category"})
    frame.to_parquet(tmp_path / "yacht.parquet")
    options: dict[str, Any] = {"target": "resistance", "categorical": ["kind"]}
    found = parquet(tmp_path / "yacht.parquet", **options).load("train", ())
    assert found.sha256 == load(**options).sha256


def test_parquet_without_pyarrow_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise ImportError("Missing optional dependency")

    monkeypatch.setattr(pd, "read_parquet", fail)
    (tmp_path / "yacht.parquet").touch()
    with pytest.raises(DataError, match=r'yacht.*Parquet needs: pip install "bdlbench\[export\]"'):
        parquet(tmp_path / "yacht.parquet", target="y").load("train", ())


TEXT = FRAME.to_csv(index=False)
MISTAKES: dict[str, tuple[str, dict[str, Any], str]] = {
    "target": (TEXT, {"target": "resistence"}, "no column 'resistence'; did you mean 'resistance'"),
    "far": (TEXT, {"target": "zzz"}, "no column 'zzz'; its columns are beam, kind, crew, resist"),
    "position": (TEXT, {"target": 4}, "expected one of 4 columns, got column 4"),
    "drop": (TEXT, {"target": "beam", "drop": ["Kind"]}, "no column 'Kind'; did you mean 'kind'"),
    "separator": (TEXT.replace(",", ";"), {"target": "beam"}, "give separator=';'"),
    "missing": (TEXT.replace("0.5,", ",", 1), {"target": "crew"}, "column 'beam', row 2; fill"),
    "two": (TEXT.replace("motor,", ","), {"target": "beam"}, "column 'kind', row 2 and 19 others"),
    "infinite": (TEXT.replace("0.5,", "inf,", 1), {"target": "crew"}, "column 'beam', row 2;"),
    "texts": (TEXT, {"target": "beam"}, r"column 'kind': 'sail' in row 1 .*categorical=\['kind'\]"),
    "mark": (TEXT.replace("1.5,", "?,", 1), {"target": "crew"}, r"column 'beam': '\?' in row 4 is"),
    "few": (TEXT, {"target": "crew", "drop": ["kind"]}, 'crew: 3 .*classes="auto" for .* or clas'),
    "names": (TEXT, {"target": "kind"}, "target kind: expected numbers, got 'sail'; give classes="),
    "unknown": (TEXT, {"target": "kind", "classes": ["sail", "row"]}, "kind: 'motor' is none of"),
    "small": (TEXT, {"target": "beam", "drop": ["kind"], "test": 0.9}, "at least 10 .*got 4"),
    "none": (
        TEXT,
        {"target": "beam", "drop": ["kind", "crew", "resistance"]},
        "besides the target",
    ),
    "fraction": (TEXT, {"target": "beam", "drop": ["kind"], "test": 0}, "expected test > 0 and at"),
    "no rows": (TEXT.partition("\n")[0], {"target": "beam"}, "expected rows, got none"),
    "empty": ("", {"target": "beam"}, "cannot be read: No columns to parse"),
    "ragged": ("a,b\n1,2\n1,2,3\n", {"target": "a"}, "cannot be read: .*line 3, saw 3"),
}


@pytest.mark.parametrize(("text", "options", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes_are_named_in_one_line(
    load: Load, text: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=f"^yacht\\.csv: .*{message}") as caught:
        load(text, **options)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 120


def test_integers_are_real_targets_if_it_is_said_or_if_they_are_many(load: Load) -> None:
    assert load(target="crew", drop=["kind"], classes=False).real
    many = FRAME.assign(crew=np.arange(N))
    assert load(many, target="crew", drop=["kind"]).real


SCRIPT = """
from bdlbench.data import csv
table = csv("yacht.csv", target="resistance", drop=["kind"])
if __name__ == "__main__":
    print(len(table.load("train", ())))
"""


def test_a_relative_path_is_beside_the_file_that_names_it(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    (there / "task.py").write_text(SCRIPT)
    FRAME.to_csv(there / "yacht.csv", index=False)
    FRAME[:20].to_csv(here / "yacht.csv", index=False)
    command = [sys.executable, "../there/task.py"]
    made = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
    assert made.stdout == "32\n"


def test_then_in_the_current_folder_and_in_the_data_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, data = tmp_path / "here", tmp_path / "data"
    here.mkdir()
    data.mkdir()
    monkeypatch.chdir(here)
    FRAME.to_csv(data / "yacht.csv", index=False)
    table = csv("yacht.csv", target="resistance", drop=["kind"])
    assert len(table.load("train", [tmp_path, data])) == 32
    with pytest.raises(DataMissing, match=r"yacht\.csv: no such file; put it beside the file that"):
        table.load("train", [tmp_path])
    FRAME[:20].to_csv(here / "yacht.csv", index=False)
    table = csv("yacht.csv", target="resistance", drop=["kind"])
    monkeypatch.chdir(tmp_path)  # found where it was when it was named
    assert len(table.load("train", [data])) == 16


def test_unknown_splits_are_refused(load: Load) -> None:
    with pytest.raises(ValueError, match=r"expected a split of .*, got 'validation'"):
        load(split="validation", target="beam")
