from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from bdlbench_studies.anneal_or_quench import AnnealOrQuench, descend_all, fast, sawtooth
from bdlbench_studies.target import minimum, posterior_of, sharpness

from bdlbench.optim import cosine
from bdlbench.posterior import exact


class Two(AnnealOrQuench):
    methods: ClassVar[tuple[str, ...]] = ("SGD, fast", "SGD, slow")


@pytest.mark.slow
def test_slow_cooling_reaches_lower_losses_than_a_quench(tmp_path: Path, loaded_once: None) -> None:
    finding = Two(epochs=15, seeds=3).run(tmp_path, print)
    assert "at a lower training loss (" in finding.text
    for metric in ("train", "held-out"):
        assert finding.numbers[f"gap.{metric}"] < -finding.numbers[f"half.{metric}"]


def test_the_schedules_decay_as_named() -> None:
    assert [fast(0), cosine(0), sawtooth(0)] == pytest.approx([1, 1, 1])
    assert fast(0.1) == pytest.approx(0.01)
    assert cosine(0.5) == pytest.approx(0.5)
    assert [sawtooth(0.1), sawtooth(0.2 + 1e-9)] == pytest.approx([0.5, 1])


def test_sharpness_is_the_largest_hessian_eigenvalue() -> None:
    known = exact.gaussian(dim=6)
    expected = float(torch.linalg.eigvalsh(torch.linalg.inv(known.covariance))[-1])
    actual = sharpness(known.posterior, torch.zeros(1, 6))
    assert actual == pytest.approx(expected / known.posterior.n, rel=1e-3)


@pytest.mark.parametrize("method", ["L-BFGS-B", "CG"])
def test_scipys_methods_respect_the_budget(method: str, loaded_once: None) -> None:
    posterior = posterior_of("digits", "softmax", 0.1)
    start = torch.zeros(1, posterior.network.dim)
    least = float(posterior.potential(minimum(posterior)))
    losses = [
        float(posterior.potential(descend_all(posterior, start, method, n))) for n in (1, 5, 40)
    ]
    assert losses[0] == float(posterior.potential(start))
    assert losses[0] > losses[1] > losses[2] > least
