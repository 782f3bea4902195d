"""What the tests of whole runs share."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from bdlbench.execution import environment

# One thread for every process, and for those that it starts: two would wait for each other,
# spinning, wherever something else wants a core. Libraries read this when they are loaded.
os.environ.update(environment.for_runs())
os.environ.pop("BDLBENCH_RESULTS", None)

from bdlbench.comparison.compare import compare as compare_samplers
from bdlbench.comparison.planned import make
from bdlbench.comparison.result import Comparison
from bdlbench.data.examples import Examples
from bdlbench.leaderboard import boards
from bdlbench.leaderboard.boards import Board
from bdlbench.runs import task_data
from bdlbench.runs.job import Job
from bdlbench.runs.machine import cores
from tests.shares import share

WORKERS = 8  # at most: each holds about a gigabyte

# How long an example takes is the machine's affair.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SAMPLER = '''\
from dataclasses import dataclass

import torch

from bdlbench import register


@register("{name}")
@dataclass(frozen=True)
class Sampler:
    """A sampler of the tests."""

    size: int = 1
    gate: str = ""

    def sample(self, problem, rng):
{body}
'''


def pytest_xdist_auto_num_workers() -> int:
    """Take a worker for every core that this process may use, but no more than a few."""
    return min(cores(), WORKERS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with README's commands, the longest of the slow tests: the other workers go on.

    BDLBENCH_SLOW=third runs a random third of the slow tests; by default, all of them run.
    """
    items.sort(key=lambda item: item.path.name != "test_readme.py")
    slow = [item.nodeid for item in items if item.get_closest_marker("slow")]
    left_out = set(slow) - set(share(slow, "BDLBENCH_SLOW", "all"))
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
    items[:] = [item for item in items if item.nodeid not in left_out]


@pytest.fixture
def write_sampler(tmp_path: Path) -> Callable[..., str]:
    """Write a sampler's file around the body of its sample(), and return its path."""

    def write(body: str, name: str = "mine") -> str:
        path = tmp_path / f"{name}.py"
        path.write_text(SAMPLER.format(name=name, body=indent(dedent(body).strip("\n"), " " * 8)))
        return str(path)

    return write


@pytest.fixture(scope="session")
def published_boards() -> list[Board]:
    """Build the boards of the runs that are published, which takes seconds."""
    return boards.build(Path(__file__).parents[1] / "results")


_load = cache(task_data.load)


@pytest.fixture
def loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load every data set once for all tests: drawing the letters takes half a second."""

    def load(split: str, name: str, folders: object) -> Examples:
        return _load(split, name, ())

    monkeypatch.setattr(task_data, "load", load)


@pytest.fixture
def plan_run(tmp_path: Path) -> Callable[..., Job]:
    """Plan one run on a small model, for a few epochs."""

    def plan(sampler: str, results: Path = tmp_path, **options: Any) -> Job:
        few = {"task": "digits", "model": "softmax", "epochs": 3, "seeds": [0]} | options
        (job,) = make([sampler], results=results, **few).jobs  # type: ignore[arg-type]
        return job

    return plan


@pytest.fixture(scope="session")
def compare() -> Callable[..., Comparison]:
    """Compare on a small model, for a few epochs, one seed."""

    def call(samplers: list[str], results: Path, **options: Any) -> Comparison:
        few = {"task": "digits", "model": "softmax", "epochs": 3, "seeds": 1, "jobs": 1}
        few |= options
        return compare_samplers(samplers, results=results, **few)  # type: ignore[arg-type]

    return call
