"""The fraction of a run that is done counts gradients and the evaluation of draws."""

from __future__ import annotations

import pytest

from bdlbench.runs.work import EVALUATING, SAMPLING, Work


def report(draws: int) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    work = Work(1000, 10, 200, lambda *stage: found.append(stage))  # 3000 + 10 * 200 passes
    for progress in (0.5, 1.0):
        work.sampled(progress)
    work.evaluate(draws)
    for _ in range(draws):
        work.evaluated()
    return found


def test_a_gradient_counts_as_three_forward_passes() -> None:
    found = report(draws=10)
    assert found[:3] == [(SAMPLING, 0.3), (SAMPLING, 0.6), (EVALUATING, 0.6)]
    expected = [0.6 + 0.04 * n for n in range(1, 11)]
    assert [fraction for _, fraction in found[3:]] == pytest.approx(expected)


def test_a_point_estimate_has_less_to_evaluate() -> None:
    assert report(draws=1)[2:] == [(EVALUATING, 3000 / 3200), (EVALUATING, 1.0)]
