"""Verdicts do not depend on the processor: rounding changes metrics within tolerance."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy._core import _multiarray_umath as capabilities  # type: ignore[attr-defined]

from bdlbench import metrics
from bdlbench.metrics import functions
from bdlbench.metrics.bootstrap import inputs, weighted
from bdlbench.metrics.scores import TOLERANCE, score
from bdlbench.records import store

RUNS = Path(__file__).parents[2] / "results/runs"
# One per task and model; the scores of the second used to depend on the processor.
PUBLISHED = [
    "digits-sgd-[0-9a-f]*-0",
    "mnist-1k-sgd-covariance-*-4",
    "mnist-1k-laplace-*-0",
    "mnist-mc-dropout-*-0",
]
HEADLINE = ("accuracy", "expected_calibration_error", "ood.{}.auroc")


def published(pattern: str) -> Path:
    return sorted(RUNS.glob(pattern))[0]


def perturbed(sets: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Change every probability by one or four units in the last place, up or down."""
    found = {}
    for name, one in sets.items():
        p = one.probabilities
        steps = rng.choice([-4, -1, 1, 4], size=p.shape)
        found[name] = SimpleNamespace(**vars(one), probabilities=p + steps * np.spacing(p))
    return found


def moved(before: dict[str, float], after: dict[str, float]) -> dict[str, tuple[float, float]]:
    return {
        name: (value, after[name])
        for name, value in before.items()
        if not math.isclose(value, after[name], rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    }


@pytest.mark.parametrize("times", [2, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize("pattern", PUBLISHED)
def test_rounding_changes_no_metric(pattern: str, times: int) -> None:
    folder = published(pattern)
    sets = store.read_predictions(folder, store.read(folder))
    before, rng = score(sets), np.random.default_rng(times)
    for _ in range(times):
        assert moved(before, score(perturbed(sets, rng))) == {}


def test_bootstrapped_metrics_have_the_same_ties() -> None:
    folder = published(PUBLISHED[1])
    sets = store.read_predictions(folder, store.read(folder))
    other = perturbed(sets, np.random.default_rng(0))
    for metric in [name.format("notmnist") for name in HEADLINE]:
        values = [
            float(weighted(metric, found)(*(np.ones(n) for n in inputs(metric, sets))))
            for found in (sets, other)
        ]
        assert values[0] == pytest.approx(score(sets)[metric], rel=TOLERANCE, abs=TOLERANCE)
        assert values[1] == pytest.approx(values[0], rel=TOLERANCE, abs=TOLERANCE)


def test_without_ties_up_to_rounding_metrics_would_change(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = published(PUBLISHED[1])
    sets = store.read_predictions(folder, store.read(folder))
    monkeypatch.setattr(functions, "EQUAL", 0.0)
    found = moved(score(sets), score(perturbed(sets, np.random.default_rng(0))))
    assert "ood.notmnist.max_probability.average_precision" in found


def test_scoring_gives_the_same_verdicts_without_vector_instructions(tmp_path: Path) -> None:
    for pattern in PUBLISHED:
        shutil.copytree(published(pattern), tmp_path / "runs" / published(pattern).name)
    dispatched: list[str] = capabilities.__cpu_dispatch__
    usable = [name for name in dispatched if capabilities.__cpu_features__.get(name)]
    script = (
        "import sys; from numpy._core import _multiarray_umath as found; import torch\n"
        f"assert not any(found.__cpu_features__[name] for name in {usable})\n"
        "assert torch.backends.cpu.get_cpu_capability() in ('DEFAULT', 'NO AVX')\n"
        f"sys.argv[1:] = ['score', {str(tmp_path)!r}]\n"
        "from bdlbench.commands.main import main; main()"
    )
    reduced = {"NPY_DISABLE_CPU_FEATURES": " ".join(usable), "ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | reduced, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{len(PUBLISHED)} runs match their predictions\n"


@pytest.mark.parametrize(
    ("scores", "ranks"),
    [
        ([3.0, 1.0, 2.0], [2, 0, 1]),
        ([0.5, np.nextafter(0.5, 1), 0.5 * (1 + 1e-7), -1.0], [1, 1, 2, 0]),
        ([-2.0, -2 * (1 + 1e-12), 0.0, 0.0, 1e-300], [0, 0, 1, 1, 2]),
        ([0.0], [0]),
    ],
)
def test_scores_that_are_equal_up_to_rounding_are_tied(
    scores: list[float], ranks: list[int]
) -> None:
    assert metrics.dense_ranks(np.array(scores)).tolist() == ranks


def test_the_first_of_classes_tied_up_to_rounding_is_the_most_probable() -> None:
    p = np.array([[0.2, 0.4, 0.4], [0.3, 0.3, 0.4]])
    for shift in (-1e-15, 0, 1e-15):
        assert metrics.most_probable(p + np.array([0, shift, -shift])).tolist() == [1, 2]


@pytest.mark.parametrize("shift", [-1e-15, 0, 1e-15])
def test_a_confidence_of_nine_tenths_is_not_above_it(shift: float) -> None:
    assert not metrics.confident(np.array([[0.9 + shift, 0.1 - shift]])).any()
