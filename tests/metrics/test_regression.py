"""Metrics of real targets: against independent computations, on small mixtures."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from bdlbench.metrics import regression
from bdlbench.metrics.scores import score
from bdlbench.records.densities import Densities


def mixture(seed: int = 0, draws: int = 5, inputs: int = 8, df: float = math.inf) -> Densities:
    rng = np.random.default_rng(seed)
    return Densities(
        location=rng.normal(size=(draws, inputs)).astype("f4"),
        scale=rng.uniform(0.2, 0.6, (draws, inputs)).astype("f4"),
        df=np.array(df),
        targets=rng.normal(size=inputs),
    )


def components(densities: Densities, i: int) -> Any:
    at = {
        "loc": densities.location[:, i].astype(float),
        "scale": densities.scale[:, i].astype(float),
    }
    df = float(densities.df)
    return stats.norm(**at) if math.isinf(df) else stats.t(df, **at)


def calibrated(inputs: int = 4000) -> Densities:
    """Targets that are drawn from the mixture that predicts them."""
    rng = np.random.default_rng(1)
    location = rng.normal(size=(3, inputs)).astype("f4")
    own = location[rng.integers(3, size=inputs), np.arange(inputs)]
    scale = np.full((3, 1), 0.5, "f4")
    return Densities(location, scale, np.array(math.inf), own + 0.5 * rng.normal(size=inputs))


FAMILIES = pytest.mark.parametrize("df", [math.inf, 1.5, 4.0])


@FAMILIES
def test_lppd_is_the_log_of_the_mean_density(df: float) -> None:
    densities = mixture(df=df)
    by_hand = [
        math.log(components(densities, i).pdf(densities.targets[i]).mean()) for i in range(8)
    ]
    assert score({"test": densities})["lppd"] == pytest.approx(np.mean(by_hand), rel=1e-12)


@FAMILIES
@pytest.mark.parametrize("draws", [1, 5])
def test_crps_is_the_integral_of_its_definition(df: float, draws: int) -> None:
    densities = mixture(df=df, draws=draws)
    for i, found in enumerate(regression.crps(densities).contributions):  # type: ignore[union-attr]
        of, y = components(densities, i), densities.targets[i]
        below = integrate.quad(lambda z, of=of: of.cdf(z).mean() ** 2, -np.inf, y, limit=500)
        above = integrate.quad(lambda z, of=of: of.sf(z).mean() ** 2, y, np.inf, limit=500)
        # The integrals' own error estimates are below 1e-7.
        assert found == pytest.approx(below[0] + above[0], abs=2e-7)


def test_pairs_and_quadrature_give_the_same_crps(monkeypatch: pytest.MonkeyPatch) -> None:
    densities = mixture(draws=20)
    by_pairs = regression.crps(densities)
    monkeypatch.setattr(regression, "_PAIRED", 1)
    by_quadrature = regression.crps(densities)
    assert by_pairs is not None
    assert by_quadrature is not None
    # Steps are halved until a change of 1e-6, whose square is the error; 1e-10 leaves a margin.
    np.testing.assert_allclose(by_pairs.contributions, by_quadrature.contributions, rtol=1e-10)


def test_crps_of_one_gaussian_has_the_closed_form_of_gneiting_and_raftery() -> None:
    densities = mixture(draws=1)
    z = (densities.targets - densities.location[0]) / densities.scale[0].astype(float)
    closed = z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / math.sqrt(math.pi)
    expected = (densities.scale[0] * closed).mean()
    assert score({"test": densities})["crps"] == pytest.approx(expected, rel=1e-10)


def test_crps_and_width_of_student_t_without_a_mean_are_left_out_and_finite() -> None:
    results = score({"test": mixture(df=1.0), "letters": mixture(3, df=1.0)})
    assert "crps" not in results
    assert np.isfinite(list(results.values())).all()


def test_rmse_is_of_the_mean_of_the_draws() -> None:
    densities = mixture()
    error = densities.location.astype(float).mean(axis=0) - densities.targets
    expected = math.sqrt((error**2).mean())
    assert score({"test": densities})["rmse"] == pytest.approx(expected, rel=1e-12)


def test_the_mixture_is_not_a_gaussian_with_its_moments() -> None:
    """Two draws at ±1: the moment-matched Gaussian has its mode at 0, where there is nothing."""
    two = Densities(
        np.array([[-1.0, -1.0], [1.0, 1.0]], "f4"), np.full((2, 1), 0.1, "f4"),
        np.array(math.inf), np.array([0.0, 1.0]),
    )  # fmt: skip
    matched = stats.norm(0, math.sqrt(1 + float(np.float32(0.1)) ** 2))
    at_0, at_1 = two.log_density
    assert at_0 < matched.logpdf(0) - 40
    assert at_1 > matched.logpdf(1) + 1
    assert at_1 == pytest.approx(
        stats.norm.logpdf(0, 0, float(np.float32(0.1))) - math.log(2), rel=1e-9
    )
    # The central half lies between the modes; that of the Gaussian would have a width of 1.36.
    assert regression.width(two, 50).value == pytest.approx(2, abs=1e-6)
    narrow = replace(two, scale=two.scale * np.float32(1e-3))
    crps = regression.crps(narrow)
    assert crps is not None
    np.testing.assert_allclose(crps.contributions, [0.5, 0.5], atol=1e-3)  # 1 − ½, and 1 − ½


@pytest.mark.parametrize("percent", [50, 80, 90, 95])
def test_targets_from_the_mixture_are_covered(percent: int) -> None:
    densities, share = calibrated(), percent / 100
    found = score({"test": densities})[f"coverage_{percent}"]
    error = math.sqrt(share * (1 - share) / len(densities))
    assert abs(found - share) < 4 * error
    assert stats.kstest(densities.pit, "uniform").pvalue > 1e-4


def test_the_ends_of_an_interval_have_its_probability_between_them() -> None:
    densities = mixture()
    low, high = densities.quantiles([0.05, 0.95])
    for i in range(8):
        of = components(densities, i)
        assert of.cdf(high[i]).mean() - of.cdf(low[i]).mean() == pytest.approx(0.9, abs=1e-9)
    assert score({"test": densities})["width_90"] == pytest.approx((high - low).mean())


def test_hand_worked_coverage_and_calibration_error() -> None:
    """Targets at the 0.1, 0.5 and 0.96 quantiles of N(0, 1)."""
    targets = np.asarray(stats.norm.ppf([0.1, 0.5, 0.96]))
    one = Densities(
        np.zeros((1, 3), "f4"), np.ones((1, 1), "f4"), np.array(math.inf), targets + 1e-6
    )
    results = score({"test": one})
    found = [results[f"coverage_{percent}"] for percent in (50, 80, 90, 95)]
    assert found == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1])
    levels = np.arange(1, 20) / 20
    shares = np.where(levels <= 0.1, 0, np.where(levels <= 0.5, 1 / 3, 2 / 3))
    expected = np.abs(shares - levels).mean()
    assert results["pit_calibration_error"] == pytest.approx(expected)


def test_units_of_the_target_change_lppd_by_their_logarithm_and_scale_errors() -> None:
    densities, factor = mixture(), 1024.0  # a power of 2, with which float32 is exact
    scaled = replace(
        densities, location=densities.location * np.float32(factor),
        scale=densities.scale * np.float32(factor), targets=densities.targets * factor,
    )  # fmt: skip
    before, after = score({"test": densities}), score({"test": scaled})
    assert after["lppd"] == pytest.approx(before["lppd"] - math.log(factor), rel=1e-12)
    for name, value in before.items():
        if name.startswith(("coverage", "pit", "epistemic")):
            assert after[name] == value, name
        elif name != "lppd":
            assert after[name] == pytest.approx(factor * value, rel=1e-9), name


def test_ood_inputs_are_told_by_the_standard_deviation() -> None:
    densities = mixture()
    wider = replace(densities, scale=densities.scale * np.float32(100))
    results = score({"test": densities, "far": wider, "shift-noise": densities})
    assert results["ood.far.auroc"] == 1
    assert results["shift.noise.lppd"] == results["lppd"]
    assert not any(name.startswith(("ood.shift", "ood.noise")) for name in results)
    noise = (densities.scale.astype(float) ** 2).mean(axis=0)
    variance = noise + densities.location.var(axis=0, dtype=float)
    np.testing.assert_allclose(regression.standard_deviation(densities) ** 2, variance)


def test_draws_are_nearly_identical_if_neither_location_nor_scale_moves() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(20, 30)).astype("f4")

    def found(moved: float, widened: float, burst: float = 1.0) -> bool:
        scale = np.exp(widened * noise[::-1]).astype("f4")
        scale[0] *= burst
        location = np.float32(moved) * noise
        return regression.nearly_identical(
            Densities(location, scale, np.array(math.inf), np.zeros(30))
        )

    assert found(0.001, 0.001)
    assert not found(0.05, 0.0)
    assert not found(0.0, 0.05)
    assert not found(0.05, 0.0, burst=1e4), "one draw with much noise hides the others' spread"
