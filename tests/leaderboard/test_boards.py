"""The leaderboard: ranks, comparability, and rendering."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bdlbench import registry
from bdlbench.commands import main
from bdlbench.data import origins
from bdlbench.errors import RecordError
from bdlbench.leaderboard import boards, rendering, screen
from bdlbench.leaderboard.entries import SORT
from bdlbench.records import store
from bdlbench.records.record import Record, Sampler
from bdlbench.runs import numerics
from bdlbench.site.text import folded
from bdlbench.storage.escaping import visible
from tests import synthetic


def three(results: Path) -> None:
    """Write a board: good and equal are tied, bad is significantly worse, and half failed."""
    for seed in range(3):
        synthetic.write(results, "good", 3.0, seed=seed)
        synthetic.write(results, "equal", 3.0, seed=seed)
        synthetic.write(results, "bad", 0.5, seed=seed)
        outcome: dict[str, Any] = {"outcome": "diverged", "reason": "θ is not finite", "draws": 0}
        synthetic.write(results, "half", 4.0, seed=seed, **(outcome if seed else {}))


def test_ranks_are_intervals(tmp_path: Path) -> None:
    three(tmp_path)
    (board,) = boards.build(tmp_path)
    assert [(e.row.sampler, e.rank) for e in board.entries[2:]] == [("bad", (3, 3)), ("half", None)]
    assert {e.row.sampler: e.rank for e in board.entries[:2]} == {"good": (1, 2), "equal": (1, 2)}
    means = [e.row.metrics[SORT[0]].mean for e in board.entries]
    assert means[0] <= means[1] < means[2], "sorted by the metric"
    assert means[3] < means[0], "a sampler with failed runs is last, even with the best mean"
    for entry in board.entries:
        leads = entry.row.sampler in ("good", "equal")
        assert ("accuracy" in entry.leading) == leads
    assert [r.seed for r in board.entries[3].records] == [0, 1, 2]


def test_without_a_significant_difference_nothing_is_bold(tmp_path: Path) -> None:
    for size in (1, 2):
        synthetic.write(tmp_path, settings={"batch_size": size})  # with identical predictions
    (board,) = boards.build(tmp_path)
    assert [entry.rank for entry in board.entries] == [(1, 2), (1, 2)]
    assert not any(entry.leading for entry in board.entries)
    assert "**" not in rendering.to_markdown([board])


def test_a_sampler_that_beats_none_is_not_bold(tmp_path: Path) -> None:
    three(tmp_path)
    for seed, skill in enumerate((0.0, 1.0, 6.0)):
        synthetic.write(tmp_path, "erratic", skill, seed=seed)
    (board,) = boards.build(tmp_path)
    found = {entry.row.sampler: entry for entry in board.entries}
    assert "accuracy" in found["good"].leading
    assert "accuracy" in found["erratic"].unbeaten, "its seeds differ too much for any verdict"
    assert "accuracy" not in found["erratic"].leading


def test_the_page(tmp_path: Path) -> None:
    three(tmp_path)
    page = rendering.to_markdown(boards.build(tmp_path))
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")]
    header, _, *body = rows
    assert [row[0] for row in body] == ["| 1–2", "| 1–2", "| 3", "| –"]
    assert [row[3] for row in body] == ["3", "3", "3", "1 of 3"]
    assert body[3][1] == "half [diverged]"
    for name in ("accuracy ↑", "NLL ↓", "Brier ↓"):
        bold = [row[header.index(name)].startswith("**") for row in body]
        assert bold == [True, True, False, False], name
    assert "`half: diverged in 2 of 3 runs: θ is not finite; lower its step size`" in page
    assert "Sorted by NLL ↓" in page
    assert (
        "agreement and TV not available: no reference posterior of digits for training data "
        "aaaaaaaaaaaa" in page
    )


def test_the_csv_has_every_metric_unrounded(tmp_path: Path) -> None:
    three(tmp_path)
    built = boards.build(tmp_path)
    rows = list(csv.DictReader(io.StringIO(rendering.to_csv(built))))
    assert [row["rank_best"] for row in rows] == ["1", "1", "3", ""]
    for row, entry in zip(rows, built[0].entries, strict=True):
        assert row["sampler"] == entry.row.sampler
        for name, interval in entry.row.metrics.items():
            assert float(row[name]) == pytest.approx(interval.mean, rel=1e-9)
        for name in built[0].headline:
            ends = [
                row[f"{name}{end}"] for end in (".low_with_points", ".low", ".high_with_points")
            ]
            if row is rows[3]:
                assert ends == [""] * 3, "one seed"
            else:
                assert float(ends[0]) <= float(ends[1]) <= float(row[name]) <= float(ends[2])
    assert rows[3]["outcomes"] == "1 completed, 2 diverged"


def test_labels_have_the_hyperparameters_that_differ(tmp_path: Path) -> None:
    for size in (1e-4, 2e-4):
        synthetic.write(tmp_path, "sgld", settings={"step_size": size, "batch_size": 32})
    synthetic.write(tmp_path, "sgd", settings={"batch_size": 16})
    (board,) = boards.build(tmp_path)
    labels = sorted(entry.row.sampler for entry in board.entries)
    assert labels == ["sgd", "sgld:step_size=0.0001", "sgld:step_size=0.0002"]


def test_names_stay_unique_wherever_they_are_shown(tmp_path: Path) -> None:
    for first in ("x", "y"):
        settings = {f"setting_{k:02}": first * 20 for k in range(20)}
        for temperature in (1.0, 0.1):
            synthetic.write(tmp_path, "sgld", settings={**settings, "temperature": temperature})
    synthetic.write(tmp_path, "csgld", settings={"cycles": 1})
    synthetic.write(tmp_path, "csgld", settings={"cycles": 1.0})
    (board,) = boards.build(tmp_path)
    names = [entry.row.sampler for entry in board.entries]
    assert len(names) == 6
    assert len({visible(name) for name in names}) == 6, "in the table of the site"
    (lines,) = rendering.rows_of([board]).values()
    assert len({line.split(" | ")[1] for line in lines[2:]}) == 6, "and in Markdown"
    assert len({folded(name) for name in names}) == 6, "and in plots"


def test_the_largest_task_and_its_board_with_most_samplers_come_first(tmp_path: Path) -> None:
    synthetic.write(tmp_path)
    synthetic.write(tmp_path, configuration={"model": "softmax"})
    synthetic.write(tmp_path, "sgld", configuration={"model": "softmax"})
    large, small = boards.build(tmp_path)
    assert [board.model for board in (large, small)] == ["softmax", "mlp-50"]
    others = [replace(small, task="mnist-1k"), large, replace(small, task="mnist")]
    assert [board.task for board in sorted(others, key=boards.order)] == [
        *("mnist", "mnist-1k", "digits"),
    ]


def test_there_is_a_board_per_model_and_budget_of_test_runs(tmp_path: Path) -> None:
    budget = {"epochs": 3, "draws": 100, "burn_in": 0.25}
    synthetic.write(tmp_path)
    synthetic.write(tmp_path, configuration={"model": "softmax"})
    synthetic.write(tmp_path, configuration=budget)
    synthetic.write(tmp_path, configuration=budget | {"draws": 7})
    synthetic.write(tmp_path, configuration={"split": "validation", "numerics": "0"})
    built = boards.build(tmp_path)
    assert [rendering.title(board) for board in built] == [
        "digits · mlp-50 · 3 epochs, 7 draws",
        "digits · mlp-50 · 3 epochs",
        "digits · mlp-50 · 100 epochs",
        "digits · softmax · 100 epochs",
    ]


def test_there_is_a_board_per_data_and_numerics_version(tmp_path: Path) -> None:
    synthetic.write(tmp_path)
    synthetic.write(tmp_path, "sgld", configuration={"numerics": "2+ab12cd34"})
    other = synthetic.write(tmp_path, "sgld", data={**synthetic.DATA, "letters": "e" * 64}).data
    built = boards.build(tmp_path)
    names = {rendering.title(board): len(board.entries) for board in built}
    assert names == {
        f"digits · mlp-50 · 100 epochs · data {origins.digest(synthetic.DATA)}": 1,
        f"digits · mlp-50 · 100 epochs · data {origins.digest(other)}": 1,
        "digits · mlp-50 · 100 epochs · numerics 2+ab12cd34": 1,
    }
    assert len(rendering.rows_of(built)) == 3


def as_before(record: Record) -> Record:
    """Return a run of a built-in sampler in the old format, without a numerics version."""
    before = numerics.declared().undeclared
    code = before["code_sha256"][0]
    configuration = replace(record.configuration, numerics=None, protocol=2, code_sha256=code)
    source = before["source_sha256"][record.sampler.name][0]
    sampler = replace(record.sampler, source_sha256=source)
    return synthetic.named(replace(record, configuration=configuration, sampler=sampler))


def built_in(results: Path, seed: int, sampler: str = "sgd") -> Record:
    """Store a run of a built-in sampler."""
    written = synthetic.write(results, sampler, seed=seed)
    made = replace(written, sampler=replace(written.sampler, source_sha256=""))
    rewrite(results, written, **synthetic.named(made).content())
    return synthetic.named(made)


def old_name(results: Path) -> None:
    before = built_in(results, 1, "sgld")
    rewrite(results, before, **as_before(before).content())
    built_in(results, 1, "sgld")


def test_runs_in_the_old_and_the_new_format_are_one_row(tmp_path: Path) -> None:
    built_in(tmp_path, seed=1)
    written = built_in(tmp_path, seed=2)
    rewrite(tmp_path, written, **as_before(written).content())
    (board,) = boards.build(tmp_path)
    (entry,) = board.entries
    assert [record.seed for record in entry.records] == [1, 2]


def other_source(results: Path) -> None:
    sampler = Sampler("sgd", {}, "e" * 64)
    made = synthetic.named(replace(synthetic.record(seed=1), sampler=sampler))
    written = synthetic.write(results, seed=1)
    rewrite(results, written, **made.content() | {"metrics": written.metrics})


def rewrite(results: Path, record: Record, **changes: Any) -> None:
    """Change a stored record, but not its predictions."""
    folder = store.folder_of(results, record.run)
    changed = record.content() | changes
    changed["predictions_sha256"] = record.predictions_sha256
    (folder / "record.json").write_text(json.dumps(changed))
    folder.rename(folder.with_name(changed["run"]))


def other_metric(results: Path) -> None:
    written = synthetic.write(results, "sgld")
    rewrite(results, written, metrics={**written.metrics, "accuracy": 0.99})


def other_labels(results: Path) -> None:
    synthetic.write(results, "sgld", inputs=150)


def other_draws(results: Path) -> None:
    written = synthetic.write(results, "sgld")
    rewrite(results, written, draws=5)


def other_folder(results: Path) -> None:
    written = synthetic.write(results, "sgld")
    folder = store.folder_of(results, written.run)
    folder.rename(folder.with_name("another"))


def other_settings(results: Path) -> None:
    written = synthetic.write(results, "sgld", settings={"step_size": 1e-4})
    sampler = replace(written.sampler, settings={"step_size": 2e-4})
    rewrite(results, written, sampler=sampler.content())


def other_byte(results: Path) -> None:
    written = synthetic.write(results, "sgld")
    path = store.folder_of(results, written.run) / "predictions.npz"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def cut_record(results: Path) -> None:
    path = store.folder_of(results, synthetic.write(results, "sgld").run) / "record.json"
    path.write_bytes(path.read_bytes()[:100])


def no_predictions(results: Path) -> None:
    run = synthetic.write(results, "sgld").run
    (store.folder_of(results, run) / "predictions.npz").unlink()


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a sampler with different code": (other_source, "but of different code or devices; delete one"),
    "a run under its old and its new name": (old_name, "are records of the same run; delete one"),
    "a truncated record": (cut_record, r"record\.json: cannot be read .*; delete its folder"),
    "missing predictions": (
        no_predictions,
        r"predictions\.npz: cannot be read .*; delete its folder",
    ),
    "another prior": (
        lambda results: synthetic.write(results, "sgld", configuration={"prior_std": 0.5}),
        "expected prior_std 0.3162.*, got 0.5",
    ),
    "a changed metric": (other_metric, "accuracy is 0.99 in the record, but 0.9"),
    "a changed byte": (other_byte, "does not match its record's checksum"),
    "other inputs": (other_labels, "the labels of its .* set are not the task's"),
    "other draws": (other_draws, "expected 5 draws, as in its record, got 4"),
    "another folder": (other_folder, "another: holds the record of 'digits-sgld-.*'; rename"),
    "changed settings": (other_settings, "the record is that of run digits-sgld-"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_incomparable_runs_are_refused(tmp_path: Path, case: str) -> None:
    write, message = REFUSED[case]
    synthetic.write(tmp_path)
    boards.build(tmp_path)
    write(tmp_path)
    with pytest.raises(RecordError, match=message):
        boards.build(tmp_path)


PAIRS = ("a sampler with different code", "a run under its old and its new name")


@pytest.mark.parametrize("case", sorted(set(REFUSED) - set(PAIRS)))
def test_a_damaged_run_is_left_out_on_request(tmp_path: Path, case: str) -> None:
    synthetic.write(tmp_path, "sgd")
    synthetic.write(tmp_path, "hmc", configuration={"model": "softmax"})
    expected = boards.build(tmp_path)
    sound = store.names(tmp_path)
    REFUSED[case][0](tmp_path)
    (damaged,) = set(store.names(tmp_path)) - set(sound)
    left_out: list[str] = []
    built = boards.build(tmp_path, left_out.append)
    assert left_out == [damaged]
    assert rendering.to_csv(built) == rendering.to_csv(expected)


def test_the_other_seeds_of_a_damaged_run_stay(tmp_path: Path) -> None:
    runs = [synthetic.write(tmp_path, "sgd", seed=seed).run for seed in range(3)]
    store.folder_of(tmp_path, runs[0]).joinpath("predictions.npz").write_bytes(b"")
    left_out: list[str] = []
    (board,) = boards.build(tmp_path, left_out.append)
    assert left_out == runs[:1]
    assert [record.seed for record in board.entries[0].records] == [1, 2]
    for run in runs[1:]:
        store.folder_of(tmp_path, run).joinpath("record.json").write_text("{")
    assert boards.build(tmp_path, left_out.append) == []


@pytest.mark.parametrize("command", ["leaderboard", "publish"])
def test_the_commands_warn_in_one_line_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "bdlbench-results"
    synthetic.write(results, "sgd")
    cut_record(results)
    (damaged,) = [run for run in store.names(results) if "sgld" in run]
    monkeypatch.setattr(sys, "argv", ["bdlbench", command])
    main.main()
    warning, *_ = capsys.readouterr().err.splitlines()
    assert warning == (f"warning: {damaged} is left out; why: bdlbench verify {damaged}")
    assert (
        results / {"leaderboard": "leaderboard.md", "publish": "site/index.html"}[command]
    ).exists()


def test_no_plugin_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    three(tmp_path)
    monkeypatch.setattr(registry, "load", lambda *rest: pytest.fail("a plugin was loaded"))
    assert boards.build(tmp_path)


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    three(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bdlbench", "leaderboard", "--results", str(tmp_path)])
    main.main()
    out, err = capsys.readouterr()
    assert "digits · mlp-50 · 100 epochs" in out
    assert "half [diverged]" in out
    assert err.splitlines() == [str(tmp_path / f"leaderboard.{end}") for end in ("md", "csv")]
    built = boards.build(tmp_path)
    assert (tmp_path / "leaderboard.md").read_text() == rendering.to_markdown(built)


def test_untrusted_text_is_escaped(tmp_path: Path) -> None:
    reason = "[red]\x1b[31m=1+1 <b>| `"
    synthetic.write(tmp_path, "sgd", outcome="plugin error", reason=reason)
    built = boards.build(tmp_path)
    console = Console(width=200, record=True, file=io.StringIO())
    screen.show(built, console)
    assert "[red]\\x1b[31m=1+1 <b>" in console.export_text()
    assert "`sgd: plugin error in 1 of 1 runs: [red]⧵x1b[31m=1+1 <b>| ˋ`" in (
        rendering.to_markdown(built)
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_boards_fit_the_terminal(tmp_path: Path, width: int) -> None:
    three(tmp_path)
    file = io.StringIO()
    screen.show(boards.build(tmp_path), Console(file=file, width=width))
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    assert any("half [diverged]" in line for line in lines)
    assert any("accuracy ↑" in line for line in lines)


def test_a_rank_of_two_digits_is_not_cut(tmp_path: Path) -> None:
    three(tmp_path)
    (board,) = boards.build(tmp_path)
    entries = tuple(replace(entry, rank=(10, 11)) for entry in board.entries)
    file = io.StringIO()
    screen.show([replace(board, entries=entries)], Console(file=file, width=80))
    assert file.getvalue().count("10–11") >= len(entries)
