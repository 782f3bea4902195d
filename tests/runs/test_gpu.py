"""Runs on a GPU, where there is one: every sampler completes, repeats, and agrees with the CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bdlbench import registry
from bdlbench.comparison.result import Comparison
from bdlbench.noise import generator, normal_like
from bdlbench.records import store
from bdlbench.records.record import COMPLETED
from bdlbench.runs.job import Job
from bdlbench.runs.run import execute

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
SAMPLERS = sorted(registry.names("samplers"))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_run_completes_and_repeats(sampler: str, plan_run: Callable[..., Job]) -> None:
    job = plan_run(sampler, device="cuda", model="mlp-20", epochs=8)
    first = execute(job)
    assert first.outcome == COMPLETED, first.reason
    assert first.configuration.device == "cuda"
    assert first.environment["gpu"]
    second = execute(job)
    assert second.predictions_sha256 == first.predictions_sha256


def test_the_noise_is_standard_normal() -> None:
    """Moments of n = 10⁶ numbers within 5 standard errors: √(1/n), √(2/n) and √(96/n)."""
    device = torch.device("cuda")
    x = normal_like(torch.empty(10**6, device=device), generator(0, device)).double()
    assert abs(float(x.mean())) < 5e-3
    assert abs(float(x.square().mean()) - 1) < 7.1e-3
    assert abs(float(x.pow(4).mean()) - 3) < 4.9e-2


def test_sgld_agrees_with_the_cpu(compare: Callable[..., Comparison], tmp_path: Path) -> None:
    """NLLs of other noise of the same law: within the spread over 4 seeds of either."""
    nll = {}
    for device in ("cpu", "cuda"):
        found = compare(
            ["sgld"], tmp_path / device, device=device, model="softmax", epochs=20, seeds=4
        )
        nll[device] = found.rows[0].metrics["negative_log_likelihood"]
        runs = [store.read(store.folder_of(tmp_path / device, run)) for run in found.rows[0].runs]
        assert {run.configuration.device for run in runs} == {device}
    cpu, cuda = nll["cpu"], nll["cuda"]
    assert cpu.high is not None
    assert cuda.high is not None
    assert abs(cpu.mean - cuda.mean) < (cpu.high - cpu.mean) + (cuda.high - cuda.mean)
