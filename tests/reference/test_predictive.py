"""The mixtures that a reference of real targets keeps, and their total variation."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from bdlbench.posterior.likelihoods import LearntGaussian
from bdlbench.records.densities import Densities
from bdlbench.reference import fidelity, reference
from bdlbench.reference import make as making
from bdlbench.reference.chains import Length
from bdlbench.reference.predictive import CELLS, POINTS, Mixture
from bdlbench.reference.reference import Reference
from bdlbench.runs import plan, task_data, tasks

CELL = 1 / CELLS + 1 / POINTS  # the largest probability of a cell


def mixture(location: np.ndarray, scale: np.ndarray, df: float = np.inf) -> Mixture:
    first = np.array(max(1, len(location) // 2))
    return Mixture(location.astype("f4"), scale.astype("f4"), np.array(df), first)


def densities(location: np.ndarray, scale: np.ndarray, df: float = np.inf) -> Densities:
    return mixture(location, scale, df).densities()


def test_the_distance_of_two_normal_distributions_is_exact_up_to_one_cell() -> None:
    """½∫|p − q| dy = 2Φ(d/2) − 1 for N(0, 1) and N(d, 1): the sign changes in one cell."""
    shifts = np.array([[0.0, 0.1, 1.0, 3.0, 50.0]])
    reference = mixture(np.zeros((1, 5)), np.ones((1, 1)))
    for inputs, shift in enumerate(shifts[0]):
        one = mixture(np.zeros((1, 1)), np.ones((1, 1)))
        found = one.distance(densities(shifts[:, inputs : inputs + 1], np.ones((1, 1))))
        assert found == pytest.approx(2 * stats.norm.cdf(shift / 2) - 1, abs=CELL)
    expected = (2 * stats.norm.cdf(shifts / 2) - 1).mean()
    found = reference.distance(densities(shifts, np.ones((1, 1))))
    assert found == pytest.approx(expected, abs=CELL)
    assert reference.distance(reference.densities()) == 0


@pytest.mark.parametrize("df", [np.inf, 3.0])
def test_the_distance_of_mixtures_equals_adaptive_quadrature(df: float) -> None:
    rng = np.random.default_rng(0)
    places, widths = rng.normal(size=(2, 6, 1)), rng.uniform(0.3, 1.5, size=(2, 6, 1))
    noise = stats.norm() if np.isinf(df) else stats.t(df)

    def density(y: float, which: int) -> float:
        place, width = places[which, :, 0], widths[which, :, 0]
        return float((noise.pdf((y - place) / width) / width).mean())

    expected, _ = integrate.quad(
        lambda y: 0.5 * abs(density(y, 0) - density(y, 1)), -60, 60, limit=500, points=[-3, 0, 3]
    )
    found = mixture(places[0], widths[0], df).distance(densities(places[1], widths[1], df))
    assert found == pytest.approx(expected, abs=4 * CELL)


def test_the_cells_are_equally_probable() -> None:
    rng = np.random.default_rng(1)
    made = mixture(rng.normal(size=(40, 3)), np.full((40, 1), 0.5))
    np.testing.assert_allclose(made.cells.sum(axis=0), 1)
    assert made.cells.max() < CELL
    assert np.median(made.cells) == pytest.approx(1 / CELLS, rel=0.1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reference, Path]:
    results = tmp_path_factory.mktemp("real")
    return making.make("diabetes", Length(4, 12, 8), device="cpu", results=results), results


def test_a_reference_of_real_targets_keeps_densities(made: tuple[Reference, Path]) -> None:
    found = made[0].sets["test"]
    assert isinstance(found, Mixture)
    assert found.location.shape == (48, len(made[0].trace.log_likelihoods[0, 0]))
    assert found.scale.shape == (48, 1), "one noise level for all inputs"
    assert int(found.first) == 24
    assert 50 < found.location.mean() < 250, "in the units of the targets"
    assert made[0].facts.likelihood == "learnt-gaussian:noise_std=0.5,spread=3.0"
    floor = fidelity.floor(made[0])
    assert floor.keys() == {"total_variation"}
    assert 0 < floor["total_variation"] < 1


def test_the_trace_is_the_log_density_of_the_stored_draws(made: tuple[Reference, Path]) -> None:
    found = made[0].sets["test"]
    assert isinstance(found, Mixture)
    setup, _ = plan.set_up("diabetes", None, None, "test", None, made[1], "cpu")
    targets = task_data.evaluation_sets(setup.task, "test", ())["test"].y
    stored = Densities(found.location, found.scale, found.df, targets)
    expected = made[0].trace.log_likelihoods.reshape(48, -1)
    np.testing.assert_allclose(stored.trace, expected, rtol=1e-5, atol=1e-5)


def test_it_is_found_for_the_same_likelihood_only(
    made: tuple[Reference, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fidelity, "load", partial(reference.load, converged=False))
    setup, _ = plan.set_up("diabetes", None, None, "test", None, made[1], "cpu")
    data = made[0].facts.data
    found, note = fidelity.find_reference(setup, data)
    assert (found is not None, note) == (True, "")
    task = replace(tasks.get("diabetes"), likelihood=LearntGaussian(noise_std=0.1))
    found, note = fidelity.find_reference(replace(setup, task=task), data)
    assert found is None
    assert "is for likelihood learnt-gaussian:noise_std=0.5,spread=3.0, not learnt-" in note
