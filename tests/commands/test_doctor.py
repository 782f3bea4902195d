"""The environment report of `bdlbench doctor`, with broken plugins and folders."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bdlbench import registry
from bdlbench.commands import doctor
from bdlbench.records import store
from tests import synthetic


@pytest.fixture
def examine(tmp_path: Path) -> Callable[[Path | None], dict[str, list[str]]]:
    def call(data_dir: Path | None = None) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for line in doctor.examine(tmp_path / "results", data_dir):
            name, _, value = line.partition(" ")
            found.setdefault(name, []).append(value.strip())
        return found

    return call


def test_versions_machine_data_results_and_plugins_are_reported(
    examine: Callable[[Path | None], dict[str, list[str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BDLBENCH_DATA", str(tmp_path))
    monkeypatch.setattr("requests.head", lambda url, timeout: None)
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "MNIST" / "raw" / "train.gz").write_bytes(b"1234")
    store.write(tmp_path / "results", synthetic.record(), {})
    points = registry.points
    broken = EntryPoint("broken", "nowhere.to.be:Found", "bdlbench.samplers")
    monkeypatch.setattr(
        registry,
        "points",
        lambda kind: points(kind) + ([broken] if kind == "samplers" else []),
    )
    found = examine(None)
    assert {"python", "torch", "jax", "processor", "memory", "threads", "device"} <= found.keys()
    assert found["data"][0] == f"{tmp_path}: MNIST/raw/train.gz (4 B)"
    assert found["results"] == [f"{tmp_path / 'results'}: 1 completed; writable"]
    assert "broken: cannot be loaded: ModuleNotFoundError: No module named 'nowhere'" in "".join(
        found["samplers"]
    )
    assert any("13 loaded: csgld" in line for line in found["samplers"])


def test_missing_files_and_their_mirrors_are_reported(
    examine: Callable[[Path | None], dict[str, list[str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BDLBENCH_DATA", raising=False)
    monkeypatch.setattr("bdlbench.data.examples.user_cache", lambda: tmp_path / "cache")

    def head(url: str, timeout: float) -> None:
        if "github" in url:
            raise ConnectionError("no route to host")

    monkeypatch.setattr("requests.head", head)
    found = examine(None)
    missing = dict(line.split(": ") for line in found["missing"])
    assert missing["mnist"].startswith("train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t1")
    assert missing["notmnist"] == "t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz"
    assert missing["cifar10"] == "cifar-10-python.tar.gz"
    assert {*missing} == {*("cifar10", "cifar100", "fashion-mnist", "kmnist", "mnist", "notmnist")}
    for line in found["mirror"]:
        assert line.endswith(": no route to host" if "github" in line else ": answers")
    hosts = [line.split("/")[2] for line in found["mirror"]]
    assert hosts.count("www.cs.toronto.edu") == 2
    assert sum("github" in host for host in hosts) == 3
    assert found["results"] == [f"{tmp_path / 'results'}: no runs; not created yet"]
    assert not list(tmp_path.iterdir())


def test_missing_and_read_only_folders_are_reported(
    examine: Callable[[Path | None], dict[str, list[str]]], tmp_path: Path
) -> None:
    (tmp_path / "results").touch()
    found = examine(tmp_path / "gone")
    assert found["data"][0].startswith("expected --data-dir to name a folder")
    assert "no runs; cannot write to" in found["results"][0]
