"""Agreement and total variation by hand, and the reference in a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cityblock

from bdlbench.comparison import table
from bdlbench.comparison.result import Comparison
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import Record
from bdlbench.reference import fidelity, reference
from bdlbench.reference.facts import Facts
from bdlbench.reference.gate import Trace
from bdlbench.reference.predictive import Averages
from bdlbench.reference.reference import Reference
from bdlbench.runs import plan
from tests import synthetic

RNG = np.random.default_rng(0)
P = np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.0, 0.0, 1.0], [0.3, 0.4, 0.3]])
Q = np.array([[0.5, 0.3, 0.2], [0.5, 0.4, 0.1], [1.0, 0.0, 0.0], [0.3, 0.4, 0.3]])


def test_agreement_and_total_variation_by_hand() -> None:
    assert fidelity.agreement(P, Q) == 0.5  # the first and the last
    assert fidelity.total_variation(P, Q) == pytest.approx((0.2 + 0.1 + 1 + 0) / 4)
    assert fidelity.total_variation(P, P) == 0
    p, q = (RNG.dirichlet(np.ones(10), 50) for _ in range(2))
    expected = np.mean([cityblock(a, b) / 2 for a, b in zip(p, q, strict=True)])
    assert fidelity.total_variation(p, q) == pytest.approx(expected)
    assert fidelity.total_variation(p, q) == fidelity.total_variation(q, p)
    with pytest.raises(ValueError, match=r"got \(4, 3\) and \(3, 3\)"):
        fidelity.total_variation(P, Q[:3])


def test_small_differences_are_not_lost() -> None:
    close = P + np.array([1e-12, 0, -1e-12])
    assert fidelity.total_variation(P, close) == pytest.approx(1e-12, rel=1e-3, abs=0)


def predictions(p: np.ndarray, draws: int = 1, **history: Any) -> Predictions:
    n = len(p)
    return Predictions(
        log_probabilities=np.log(p).astype("f4"),
        expected_entropy=np.zeros(n, "f4"),
        votes=np.zeros((draws, n), "u1"),
        labels=np.zeros(n, "i8"),
        **history,
    )


def posterior(q: np.ndarray, first: np.ndarray, second: np.ndarray, **facts: Any) -> Reference:
    halves = np.log([first, second]).astype("f4")
    empty = np.zeros((2, 4))
    trace = Trace(empty, empty, empty[..., None], empty > 0, empty)
    known: dict[str, Any] = {"task": "digits", "model": "softmax", "prior_std": 1.0, "data": {}}
    known |= {"key": "0123456789", "diagnostics": {"chains": 4}, "verdicts": {"good": True}}
    sets = {"test": Averages(np.log(q).astype("f4"), halves)}
    made = Facts(**{**known, "converged": True, **facts})
    return Reference(made, sets, trace, np.zeros((0, 3), "f2"))


A = np.array([[0.75, 0.25], [0.25, 0.75]])
B = np.array([[0.25, 0.75], [0.25, 0.75]])
REFERENCE = posterior(A, A, B)


def test_the_floor_is_the_distance_between_the_halves() -> None:
    assert fidelity.floor(REFERENCE) == pytest.approx({"agreement": 0.5, "total_variation": 0.25})


def test_the_curve_has_points_at_powers_of_two_and_at_the_end() -> None:
    curve = np.log([B, A, B]).astype("f2")
    epochs = np.array([3.0, 5.0, 7.0, 9.0, 11.0])
    run = predictions(A, 5, trace=np.zeros((5, 2), "f4"), curve=curve, epochs=epochs)
    spent, points = run.course()
    distance = fidelity.distances(points, REFERENCE)
    np.testing.assert_array_equal(spent, [3, 5, 9, 11])
    np.testing.assert_allclose(distance, [0.25, 0, 0.25, 0], atol=1e-3)  # stored in float16
    assert distance[-1] < 1e-7
    with pytest.raises(ValueError, match="with their history, got none"):
        predictions(A).course()


def with_trace(trace: np.ndarray) -> Predictions:
    draws = len(trace)
    curve = np.log(np.tile(A, ((draws - 1).bit_length(), 1, 1))).astype("f2")
    return predictions(
        A, draws, trace=trace.astype("f4"), curve=curve, epochs=np.arange(draws, dtype="f8")
    )


RECORD = replace(synthetic.record("sgld"), epochs=2000.0, draws=1)


def run(trace: np.ndarray) -> tuple[Record, dict[str, Predictions]]:
    return RECORD, {"test": with_trace(trace)}


def test_the_ess_of_independent_draws_is_their_number() -> None:
    runs = [run(RNG.normal(size=(draws, 2))) for draws in (380, 400, 420)]
    found = fidelity.measure(runs, REFERENCE)
    assert found["ess_per_1000_gradients"].mean == pytest.approx(400 / 2, rel=0.15)
    assert found["ess_per_1000_gradients"].n == 3
    assert found["r_hat"].mean == pytest.approx(1, abs=0.02)
    assert (found["r_hat"].low, found["r_hat"].n) == (None, 3)
    assert found["agreement"].mean == 1
    assert found["total_variation"].mean == pytest.approx(0, abs=1e-7)
    assert fidelity.measure(runs, None).keys() == {"ess_per_1000_gradients", "r_hat"}


def test_seeds_in_different_modes_have_a_large_r_hat() -> None:
    apart = [run(RNG.normal(size=(draws, 2)) + 10 * i) for i, draws in enumerate((50, 40, 60))]
    assert fidelity.measure(apart, None)["r_hat"].mean > 2


@pytest.mark.parametrize("draws", [1, 3, fidelity.FEWEST - 1])
def test_too_few_draws_have_no_ess(draws: int) -> None:
    runs = [run(RNG.normal(size=(draws, 2))) for _ in range(2)]
    assert fidelity.measure(runs, None) == {}
    enough = [run(RNG.normal(size=(fidelity.FEWEST, 2))) for _ in range(2)]
    assert fidelity.measure(enough, None).keys() == {"ess_per_1000_gradients", "r_hat"}


def test_the_ess_of_identical_draws_is_one() -> None:
    runs = [run(np.zeros((40, 2))) for _ in range(2)]
    found = fidelity.measure(runs, None)
    assert found.keys() == {"ess_per_1000_gradients"}, "R-hat is not defined"
    assert found["ess_per_1000_gradients"].mean == pytest.approx(1 / 2)


Compare = Callable[..., Comparison]


@pytest.mark.usefixtures("loaded_once")
def test_a_table_has_fidelity_if_the_reference_matches_and_a_reason_otherwise(
    compare: Compare, tmp_path: Path
) -> None:
    missing = compare(["sgd"], tmp_path)
    assert "agreement" not in missing.rows[0].metrics
    # bdlbench comes with a reference for another model.
    assert missing.reference_note == "the reference of digits is for model mlp-50, not softmax"
    assert f"agreement and TV not available: {missing.reference_note}" in table.remarks(missing)
    own = store.find(tmp_path, "digits-sgd")
    stored = store.read_predictions(store.folder_of(tmp_path, own.run), own)["test"]
    assert isinstance(stored, Predictions)
    p = stored.probabilities
    mixed = 0.5 * p + 0.05
    facts: dict[str, Any] = {"prior_std": missing.setup.task.prior_std}
    facts["data"] = plan.fingerprints(missing.setup)
    reference.write(tmp_path, posterior(p, p, mixed, **facts))
    found = compare(["sgd", "sgld"], tmp_path)
    metrics = found.rows[0].metrics
    assert (metrics["agreement"].mean, found.rows[0].reused) == (1, 1)
    assert metrics["total_variation"].mean < 1e-6
    assert found.rows[1].metrics["total_variation"].mean > 0.01
    half = np.abs(p - mixed).sum(1).mean() / 2
    assert found.floor == pytest.approx({"agreement": 1, "total_variation": half}, rel=1e-4)
    assert f"(twice that: {2 * half:.4f})" in "\n".join(table.remarks(found))
    document = json.loads(table.as_json(found))
    assert document["reference"]["floor"]["total_variation"] == pytest.approx(half, rel=1e-4)
    assert document["rows"][0]["metrics"]["agreement"]["mean"] == 1
    assert "| agreement ↑ | TV ↓ |" in table.to_markdown(found)
    for change, reason in (
        ({"likelihood": "bernoulli"}, "is for likelihood bernoulli, not categorical"),
        ({"converged": False, "verdicts": {"r_hat": False}}, "has not converged: not r_hat"),
        ({"prior_std": 1.0}, "is for prior_std 1.0, not 0.316"),
    ):
        reference.write(tmp_path, posterior(p, p, mixed, **{**facts, **change}))
        refused, note = fidelity.find_reference(found.setup, facts["data"])
        assert refused is None
        assert reason in note
    refused, note = fidelity.find_reference(found.setup, facts["data"] | {"train": "0" * 64})
    assert refused is None
    assert note.startswith(
        "no reference posterior of digits for training data 000000000000 and tes"
    )


@pytest.mark.usefixtures("loaded_once")
def test_the_validation_split_has_no_reference(compare: Compare, tmp_path: Path) -> None:
    found = compare(["sgd"], tmp_path, split="validation")
    assert (found.floor, found.reference_note) == ({}, "")
    assert "agreement" not in table.to_markdown(found)
