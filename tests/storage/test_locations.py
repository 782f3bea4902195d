"""Results behind a URL: the same runs; those without a record do not count."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from bdlbench.comparison import status
from bdlbench.comparison.result import Comparison
from bdlbench.data.examples import search_folders
from bdlbench.errors import RecordError
from bdlbench.execution.worker import find
from bdlbench.records import store
from bdlbench.runs import run
from bdlbench.runs.job import Job
from bdlbench.storage.locations import absolute, is_local, place, user_cache

Compare = Callable[..., Comparison]
Plan = Callable[..., Job]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("results", Path("results")),
        ("/srv/runs", Path("/srv/runs")),
        ("file:///srv/my%20runs", Path("/srv/my runs")),
    ],
)
def test_folders_are_paths(text: str, found: Path) -> None:
    assert place(text) == found
    assert is_local(place(text))
    assert absolute(place(text)).is_absolute()
    assert place(Path(text)) == Path(text)


@pytest.mark.usefixtures("loaded_once")
def test_a_file_url_is_the_folder(compare: Compare, tmp_path: Path) -> None:
    url = (tmp_path / "a b").as_uri()
    assert compare(["sgd"], url).rows[0].reused == 0
    assert compare(["sgd"], tmp_path / "a b").rows[0].reused == 1


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Path:
    fsspec.filesystem("memory").store.clear()
    return place("memory://bucket/results")


@pytest.mark.usefixtures("loaded_once")
def test_a_run_behind_a_url_equals_the_run_on_disk(
    plan_run: Plan, bucket: Path, tmp_path: Path
) -> None:
    jobs = [plan_run("sgd", where) for where in (bucket, tmp_path)]
    there, here = (run.execute(job) for job in jobs)
    assert there.predictions_sha256 == here.predictions_sha256
    assert replace(there, measured={}) == replace(here, measured={})
    assert find(jobs[0]) == there
    assert store.find(bucket, "digits-sgd") == there
    assert dict(status.survey(bucket).total) == {"done": 1}
    folders = [store.folder_of(job.results, job.run) for job in jobs]
    read = [store.read_predictions(folder, there) for folder in folders]
    assert read[0].keys() == read[1].keys()
    again = run.execute(jobs[0])
    assert find(jobs[0]) == again


@pytest.mark.usefixtures("loaded_once")
def test_a_run_without_its_record_does_not_count(
    plan_run: Plan, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = plan_run("sgd", bucket)
    run.execute(job)
    memory = type(fsspec.filesystem("memory"))
    pipe = memory.pipe_file
    for fails in ("predictions.npz", "record.json"):

        def stop(
            self: object, path: str, *rest: object, fails: str = fails, **more: object
        ) -> None:
            if path.endswith(fails):
                raise OSError("the connection is lost")
            pipe(self, path, *rest, **more)

        with monkeypatch.context() as patched:
            patched.setattr(memory, "pipe_file", stop)
            patched.setattr(memory, "_open", _refuse(memory._open, fails))
            with pytest.raises(RecordError, match="cannot write to memory://"):
                run.execute(job)
        assert find(job) is None
    run.execute(job)
    assert find(job) is not None


def _refuse(opened: Callable[..., object], fails: str) -> Callable[..., object]:
    def open_(self: object, path: str, mode: str = "rb", **options: object) -> object:
        if path.endswith(fails) and "w" in mode:
            raise OSError("the connection is lost")
        return opened(self, path, mode, **options)

    return open_


def test_there_is_no_cache_without_a_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BDLBENCH_DATA", raising=False)

    def fail(name: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    for unknown in (fail, lambda name: Path("~/.cache") / name):
        monkeypatch.setattr("platformdirs.user_cache_path", unknown)
        assert user_cache() is None
        (folder,) = search_folders()
        assert folder.is_absolute()
        assert folder.parent == Path(tempfile.gettempdir())
