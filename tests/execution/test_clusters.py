"""Real clusters of two workers: the same records as here, and a lost worker costs nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bdlbench.comparison.result import Comparison
from tests.processes import GATED, WAIT, Started, assert_equal, wait_for, without_times

Write = Callable[..., str]
Compare = Callable[..., Comparison]
pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture(scope="module")
def dask() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster:
        yield cluster


def test_dask_gives_the_same_records(compare: Compare, dask: Any, tmp_path: Path) -> None:
    samplers, here, there = ["sgd", "sgld:step_size=1e-4"], tmp_path / "here", tmp_path / "there"
    tables = [
        compare(samplers, here, epochs=4, seeds=2),
        compare(samplers, there, epochs=4, seeds=2, jobs=None, backend="dask",
                address=dask.scheduler_address),
    ]  # fmt: skip
    assert_equal(there, here)
    assert without_times(tables[0]) == without_times(tables[1])


def test_a_dask_worker_that_is_killed_is_replaced(
    compare: Compare, dask: Any, write_sampler: Write, tmp_path: Path
) -> None:
    sampler = f"{write_sampler(GATED)}:gate={tmp_path / 'gate'}"
    options = ("--backend", "dask", "--address", dask.scheduler_address)
    started = Started(sampler, tmp_path / "results", *options)
    try:
        started.wait()
        worker = psutil.Process(next(iter(dask.workers.values())).pid)
        family = worker.children(recursive=True)
        worker.kill()
        wait_for(lambda: not any(process.is_running() for process in family), "the end of its runs")
        wait_for(lambda: started.counts() == {"done": 2, "running": 2}, "another to take over")
        started.gate.unlink()
        code, _, err = started.end()
        assert code == 0, err
    finally:
        started.clear_up()
    started.complete(compare, kept=4)


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Start two nodes of one core each; yield the cluster and the node without the head."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    yield cluster, cluster.add_node(num_cpus=1)
    cluster.shutdown()


def test_ray_gives_the_same_records(compare: Compare, ray: Any, tmp_path: Path) -> None:
    samplers, here, there = ["sgd", "sgld:step_size=1e-4"], tmp_path / "here", tmp_path / "there"
    command = "compare --task digits --model softmax --epochs 4 --seeds 2 --backend ray --address"
    finished = subprocess.run(
        [sys.executable, "-m", "bdlbench", *command.split(), ray[0].address, "--results", there,
         *samplers],
        capture_output=True, text=True, timeout=WAIT, check=True,
    )  # fmt: skip
    assert finished.stdout
    compare(samplers, here, epochs=4, seeds=2)
    assert_equal(there, here)


def test_a_ray_node_that_is_killed_leaves_what_is_finished(
    compare: Compare, ray: Any, write_sampler: Write, tmp_path: Path
) -> None:
    sampler = f"{write_sampler(GATED)}:gate={tmp_path / 'gate'}"
    cluster, node = ray
    options = ("--backend", "ray", "--address", cluster.address)
    started = Started(sampler, tmp_path / "results", *options)
    try:
        started.wait()
        node.kill_all_processes(check_alive=False, allow_graceful=False)
        code, out, err = started.end()
        assert (code, out) == (2, "")
        assert re.search(r"the ray cluster failed \(.*\); 2 of 4 runs are finished and", err[-1])
        wait_for(lambda: started.counts() == {"done": 2}, "the end of the runs")
    finally:
        started.clear_up()
    started.complete(compare, kept=2)
