"""Commands on results behind a URL, without runs, and with duplicate arguments."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from bdlbench.commands import main
from bdlbench.records import store
from bdlbench.storage.locations import place, results_at
from tests import synthetic

Run = Callable[..., tuple[int, str, str]]
URL = "memory://bucket/results"


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command in this process, in an empty folder; return exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bdlbench.verification.check_run.labels_of", lambda *anything: {})
    for name, empty in (("store", {}), ("pseudo_dirs", [""])):
        monkeypatch.setattr(MemoryFileSystem, name, empty)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bdlbench", *arguments])
        capsys.readouterr()
        try:
            main.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return run


@pytest.fixture(params=[URL, "file"])
def stored(request: pytest.FixtureRequest, call: Run, tmp_path: Path) -> tuple[str, str]:
    """Store a run behind a URL; return the URL and the run's name."""
    url = (tmp_path.parent / "a store").as_uri() if request.param == "file" else request.param
    return url, synthetic.write(place(url)).run


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("leaderboard --results URL", "sgd"),
        ("score URL", "1 runs match their predictions"),
        ("score URL/runs/RUN", "1 runs match their predictions"),
        ("verify RUN --results URL", "RUN holds"),
        ("verify URL/runs/RUN", "RUN holds"),
        ("show RUN --results URL", "RUN"),
        ("show URL/runs/RUN", "RUN"),
        ("status --results URL", "sgd"),
    ],
)
def test_commands_read_behind_a_url_and_create_no_local_files(
    call: Run, stored: tuple[str, str], tmp_path: Path, arguments: str, answer: str
) -> None:
    def fill_in(text: str) -> str:
        return text.replace("URL", stored[0]).replace("RUN", stored[1])

    code, out, _ = call(*map(fill_in, arguments.split()))
    assert code == 0
    assert fill_in(answer) in out
    assert everything(tmp_path) == []


def test_results_are_stored_behind_the_url(call: Run, stored: tuple[str, str]) -> None:
    url, run = stored
    _, _, err = call("leaderboard", "--results", url)
    assert err.splitlines() == [str(place(url) / f"leaderboard.{end}") for end in ("md", "csv")]
    assert "sgd" in (place(url) / "leaderboard.csv").read_text()
    call("verify", run, "--results", url)
    assert (store.folder_of(place(url), run) / "verdict.json").exists()


def test_a_site_of_runs_behind_a_url_is_written_locally(
    call: Run, stored: tuple[str, str], tmp_path: Path
) -> None:
    url, run = stored
    code, out, _ = call("publish", "--results", url, "--out", (tmp_path / "a site").as_uri())
    assert (code, out) == (0, f"{tmp_path / 'a site' / 'index.html'}\n")
    for name in ("record.json", "predictions.npz"):
        there = (store.folder_of(place(url), run) / name).read_bytes()
        assert (store.folder_of(tmp_path / "a site", run) / name).read_bytes() == there


def test_runs_behind_a_url_can_be_submitted_and_exported(
    call: Run, stored: tuple[str, str], tmp_path: Path
) -> None:
    url, run = stored
    (tmp_path / "to").mkdir()
    code, _, _ = call("submit", run, "--results", url, "--to", (tmp_path / "to").as_uri())
    assert code == 0
    assert (store.folder_of(tmp_path / "to", run) / "record.json").exists()
    pytest.importorskip("pyarrow")
    out = tmp_path / "run.parquet"
    assert call("export", run, "--to", "parquet", "--results", url, "--out", out.as_uri())[0] == 0
    assert out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("submit RUN --to URL", "Invalid value for '--to': expected a local path, got"),
        ("publish --out URL", "Invalid value for '--out': expected a local path, got"),
        ("publish --results URL", "expected --out with a local folder, since memory://bucket"),
        ("export RUN --to parquet --out URL", "Invalid value for '--out': expected a local path"),
        ("study unknown --out URL", "Invalid value for '--out': expected a local path"),
        ("compare sgd --data-dir URL", "Invalid value for '--data-dir': expected a local path"),
        ("verify RUN --data-dir URL", "Invalid value for '--data-dir': expected a local path"),
        ("grid URL", "Invalid value for 'FILE.toml': expected a local path, got"),
        ("status URL", "Invalid value for '[FILE.toml]': expected a local path, got"),
        ("show URL/runs/RUN", f"no run in {URL}/runs/RUN: expected a record.json there"),
        ("score URL", f"no runs in {URL}, which does not exist; run "),
        ("score nope://x", "nope://x: cannot be opened ("),
        ("leaderboard --results nope://x", "nope://x: cannot be opened ("),
    ],
)  # fmt: skip
def test_options_that_require_a_local_path_refuse_urls(
    call: Run, tmp_path: Path, arguments: str, message: str
) -> None:
    code, out, err = call(*arguments.replace("URL", URL).split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {message}")
    assert everything(tmp_path) == []


READING = (
    *("leaderboard", "publish --out site", "status", "score", "show RUN", "verify RUN"),
    "export RUN --to parquet",
)


@pytest.mark.parametrize("where", ["gone", URL, ""])
@pytest.mark.parametrize("command", READING)
def test_a_missing_folder_is_reported_and_not_created(
    call: Run, tmp_path: Path, command: str, where: str
) -> None:
    option = [where] if command == "score" else ["--results", where]
    code, out, err = call(*command.split(), *option * bool(where))
    folder, remedy = where or "bdlbench-results", f" --results {where}" * bool(where)
    said = f'no runs in {folder}, which does not exist; run "bdlbench compare sgd sgld{remedy}"'
    assert (code, out, err) == (2, "", f"error: {said}\n")
    assert len(err) <= 120 or where == URL
    assert everything(tmp_path) == []


def test_a_leaderboard_without_runs_is_not_written(call: Run, tmp_path: Path) -> None:
    (tmp_path / "bdlbench-results").mkdir()
    said = "no runs on the test split in bdlbench-results; nothing is written\n"
    assert call("leaderboard") == (0, said, "")
    assert everything(tmp_path) == ["bdlbench-results"]


def test_the_variable_names_the_results_and_the_option_precedes_it(
    call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = synthetic.write(tmp_path / "mine").run
    other = synthetic.write(tmp_path / "other", "sgld").run
    monkeypatch.setenv("BDLBENCH_RESULTS", "mine")
    assert results_at() == Path("mine")
    assert (call("verify", run)[:2], call("score")[0]) == ((0, f"{run} holds\n"), 0)
    assert call("verify", other, "--results", "other")[:2] == (0, f"{other} holds\n")
    assert "begins with" in call("verify", other)[2]
    monkeypatch.setenv("BDLBENCH_RESULTS", "")
    assert results_at() == Path("bdlbench-results")


def test_published_runs_are_found_and_own_runs_precede_them(
    call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "published", lambda file: [tmp_path / "published"])
    run = synthetic.write(tmp_path / "published").run
    note = f"{run} is not in bdlbench-results; this is the published run\n"
    code, out, err = call("show", run)
    assert (code, err) == (0, note)
    assert run in out
    assert call("verify", run)[:2] == (0, f"{run} holds\n")
    assert call("verify", run[:-2])[2].startswith(note)
    synthetic.write(tmp_path / "bdlbench-results")
    assert "published" not in call("verify", run)[2]


def test_a_task_without_runs_is_reported(call: Run, tmp_path: Path) -> None:
    synthetic.write(tmp_path / "bdlbench-results")
    code, out, _ = call("leaderboard", "--task", "mnist")
    assert (code, out) == (0, "no runs of mnist on the test split in bdlbench-results\n")


def test_score_reports_a_folder_without_runs(call: Run, tmp_path: Path) -> None:
    (tmp_path / "bdlbench-results" / "runs").mkdir(parents=True)
    assert call("score") == (0, "no runs in bdlbench-results\n", "")


def test_a_run_that_is_named_twice_is_verified_once(call: Run, tmp_path: Path) -> None:
    run = synthetic.write(tmp_path / "bdlbench-results").run
    names = (
        run,
        run[:-2],
        f"bdlbench-results/runs/{run}",
        str(tmp_path / "bdlbench-results" / "runs" / run),
    )
    code, out, err = call("verify", *names)
    assert (code, out, err.count("\n")) == (0, f"{run} holds\n", 1)
    (store.folder_of(tmp_path / "bdlbench-results", run) / "predictions.npz").write_bytes(b"")
    assert "error: 1 of 1 runs failed verification" in call("verify", *names)[2]


def test_a_run_that_is_named_twice_is_copied_once(call: Run, tmp_path: Path) -> None:
    run = synthetic.write(tmp_path / "bdlbench-results").run
    for folder in ("to", "new"):
        (tmp_path / folder).mkdir()
    code, out, _ = call("submit", run, f"bdlbench-results/runs/{run}", "--to", "to")
    assert (code, out.count(run)) == (0, 1)
    assert [path.name for path in (tmp_path / "to" / "runs").iterdir()] == [run]
    synthetic.write(tmp_path / "other")
    code, _, err = call("submit", run, f"other/runs/{run}", "--to", "new")
    assert code == 2
    assert err == f"error: expected one run {run}, got two folders of it; name one\n"
    assert not list((tmp_path / "new").iterdir())
    code, _, err = call("submit", run, "--to", "nowhere")
    assert (code, "no such folder; expected the results folder of a clone" in err) == (2, True)
    assert not (tmp_path / "nowhere").exists()


def test_a_renamed_folder_is_verified_by_its_content(call: Run, tmp_path: Path) -> None:
    run = synthetic.write(tmp_path / "bdlbench-results").run
    folder = store.folder_of(tmp_path / "bdlbench-results", run)
    folder.rename(folder.with_name("renamed"))
    code, out, _ = call("verify", "renamed")
    assert code == 2
    assert f"holds the record of '{run}'" in out
