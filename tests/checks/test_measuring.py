"""The checks' measurements: moments, errors, ranks, Stein discrepancies, exact problems."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from bdlbench.checks import CHECKS, Subject
from bdlbench.checks.calibration import RANKS, exact_stein, stein_kernel, uniformity
from bdlbench.checks.diagnosis import diagnose
from bdlbench.checks.evidence import Evidence, with_prior
from bdlbench.checks.moments import Moments, bias, extrapolate, faults, forgiven, moments
from bdlbench.checks.sampling import Array, Effort, convergent, suited, trial
from bdlbench.errors import BdlbenchError
from bdlbench.posterior.exact import (
    ExactPosterior,
    conjugate,
    gaussian,
    gaussian_mean,
    linear_regression,
    logistic_regression,
)
from bdlbench.problem import Budget
from bdlbench.settings import parse
from tests.processes import WAIT

SGLD = Path(__file__).parent / "right" / "mean_loss_rate.py"


def normal(
    exact: ExactPosterior, draws: int, chains: int, seed: int, correlation: float = 0.0
) -> Array:
    """Return draws from the posterior, with AR(1) correlation within chains."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((draws, chains, len(exact.mean)))
    for k in range(1, draws):
        noise[k] = correlation * noise[k - 1] + math.sqrt(1 - correlation**2) * noise[k]
    return np.asarray(exact.mean.numpy() + noise @ np.linalg.cholesky(exact.covariance.numpy()).T)


def scaled(draws: Array, factor: float, exact: ExactPosterior) -> Array:
    mean = exact.mean.numpy()
    return np.asarray(mean + math.sqrt(factor) * (draws - mean))


def test_moments_of_a_hand_worked_case() -> None:
    exact = gaussian_mean(4, spread=0.0)  # precision 4 + 4, mean 2·4/8 = 1
    assert exact.mean.item() == pytest.approx(1)
    assert exact.covariance.item() == pytest.approx(1 / 8)
    unit = 1 / math.sqrt(8)
    offsets = np.array([[[-1.0], [3.0]], [[1.0], [5.0]]]) * unit  # (draws, chains, dim)
    found = moments(1 + offsets, exact)
    assert found.mean.value == pytest.approx(2)
    assert found.mean.error == pytest.approx(2)  # of chain means 0 and 4: √8/√2
    assert found.temperature.value == pytest.approx((9 + 1 + 1 + 9) / 4)
    assert found.temperature.error == pytest.approx(0, abs=1e-12)  # both chains have 5
    assert found.spread == pytest.approx([8, 8])
    assert found.apart == pytest.approx(8)
    # ∇U = 8(θ − 1): (θ − E θ)·∇U is 3·1, −1·3, 1·1 … in units of 1: (−3)(−1), (1)(3), (−1)(1), 3·5.
    assert found.configurational.value == pytest.approx((3 + 3 - 1 + 15) / 4, rel=1e-5)


@pytest.mark.parametrize("exact", [linear_regression(prior_std=0.1), gaussian(n=12)])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_errors_cover_the_truth(exact: ExactPosterior, correlation: float) -> None:
    found = [moments(normal(exact, 5, 60, seed, correlation), exact) for seed in range(60)]
    for name, truth in (("temperature", 1.0), ("configurational", 1.0), ("mean", 0.0)):
        z = np.concatenate(
            [
                np.ravel((getattr(one, name).value - truth) / getattr(one, name).error)
                for one in found
            ]
        )
        # Student's t with 59 degrees of freedom: a standard deviation of 1.018.
        assert abs(z.std() - 1.018) < 4 * 1.2 / math.sqrt(2 * len(z)), name
        assert abs(z.mean()) < 0.25 + 4 / math.sqrt(len(z)), name


def test_the_configurational_temperature_of_a_non_gaussian_posterior() -> None:
    exact = logistic_regression()
    # Draw from the cells of a fine grid, with probabilities exp(−U/T).
    axis = torch.linspace(-13, 13, 301)
    grid = torch.cartesian_prod(axis, axis)
    for temperature in (1.0, 0.5):
        weights = torch.softmax(-exact.posterior.potential(grid) / temperature, 0)
        rng = torch.Generator().manual_seed(0)
        cells = grid[torch.multinomial(weights, 8_000, replacement=True, generator=rng)]
        jitter = (torch.rand(8_000, 2, generator=rng) - 0.5) * (axis[1] - axis[0])
        found = moments((cells + jitter).double().numpy().reshape(4, 2_000, 2), exact)
        for value, error in (
            (found.configurational.value, found.configurational.error),
            (found.equipartition.value[0, 0], found.equipartition.error[0, 0]),
            (found.equipartition.value[1, 1], found.equipartition.error[1, 1]),
        ):
            assert abs(value - temperature) < 4 * error + 0.01
        assert abs(found.equipartition.value[0, 1]) < 4 * found.equipartition.error[0, 1] + 0.01


def test_the_false_alarm_rate() -> None:
    exact = linear_regression(prior_std=0.1)
    one = moments(normal(exact, 5, 500, 0), exact)
    # Bonferroni over 2 components of the mean, 2 temperatures and 3 of the covariance.
    assert forgiven(one) == pytest.approx(stats.t.isf(0.001 / 14, 499))
    assert not any(faults(moments(normal(exact, 5, 100, seed), exact), 0.0) for seed in range(100))


@pytest.mark.parametrize(
    ("factor", "shift", "expected"),
    [
        (1.0, 0.0, set()),
        (1.2, 0.0, {"temperature", "covariance"}),
        (0.8, 0.0, {"temperature", "covariance"}),
        (1.0, 0.3, {"mean"}),
    ],
)
def test_faults_are_found(factor: float, shift: float, expected: set[str]) -> None:
    exact = gaussian(n=12)
    root = np.linalg.cholesky(exact.covariance.numpy())
    found = scaled(normal(exact, 8, 1_000, 0), factor, exact) + shift * root[:, 0]
    assert set(faults(moments(found, exact), 0.06)) == expected


def test_nan_is_a_fault() -> None:
    exact = gaussian_mean(1_000)
    found = moments(normal(exact, 3, 50, 0), exact)
    broken = replace(found.temperature, value=np.asarray(np.nan))
    assert faults(replace(found, temperature=broken), 0.06) == ["temperature"]


def test_a_bias_proportional_to_the_step_size_is_extrapolated_away() -> None:
    exact = gaussian_mean(1_000)

    def at(factor: float, seed: int) -> Moments:
        return moments(scaled(normal(exact, 40, 2_000, seed), factor, exact), exact)

    fine, coarse = at(1.1, 1), at(1.2, 2)
    limit = extrapolate(fine, coarse)
    assert faults(fine, 0.06)
    assert bias(fine) == pytest.approx(0.1, abs=0.03)
    assert not faults(limit, 0.06)
    assert limit.temperature.error == pytest.approx(
        math.sqrt(4 * fine.temperature.error**2 + coarse.temperature.error**2)
    )
    assert faults(extrapolate(fine, at(1.1, 3)), 0.06), "a constant bias remains"


def test_the_stein_kernel_of_a_hand_worked_case() -> None:
    # r = 1: s(x)s(y)k = 0; −r²(1 + r²)^(−3/2) = −2^(−3/2); tr ∇∇k = 2^(−3/2) − 3·2^(−5/2).
    kernel = stein_kernel(np.array([[0.0], [1.0]]))
    off = -3 * 2**-2.5
    assert kernel == pytest.approx(np.array([[1, off], [off, 2]]))


def test_the_stein_kernel_is_the_operator_applied_to_both_arguments() -> None:
    x, y = np.array([0.3, -1.1]), np.array([-0.4, 0.7])

    def k(a: Array, b: Array) -> float:
        return float((1 + ((a - b) ** 2).sum()) ** -0.5)

    def along(i: int) -> Array:
        return np.asarray(np.eye(2)[i] * 1e-4)

    def stein_x(i: int, b: Array) -> float:
        slope = (k(x + along(i), b) - k(x - along(i), b)) / 2e-4
        return float(-x[i] * k(x, b) + slope)

    value = sum(
        -y[i] * stein_x(i, y) + (stein_x(i, y + along(i)) - stein_x(i, y - along(i))) / 2e-4
        for i in range(2)
    )
    assert stein_kernel(np.stack([x, y]))[0, 1] == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_exact_draws_have_a_stein_discrepancy_of_twice_the_dimension(dim: int) -> None:
    rng = np.random.default_rng(dim)
    values = [stein_kernel(rng.standard_normal((150, dim))).sum() / 150 for _ in range(200)]
    error = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values) - 2 * dim) < 4 * error
    assert error < 0.1 * dim
    null = exact_stein(dim, seed=0)
    below = np.mean(np.array(values) < np.quantile(null, 0.9))
    assert abs(below - 0.9) < 4 * math.sqrt(0.09 / len(values))


@pytest.mark.parametrize(
    ("width", "shift", "words"),
    [
        (1.0, 0.0, "uniform"),
        (0.5, 0.0, "too narrow"),
        (2.0, 0.0, "too wide"),
        (1.0, 0.7, "too large"),
        (1.0, -0.7, "too small"),
    ],
)
def test_ranks_detect_width_and_shift(width: float, shift: float, words: str) -> None:
    rng = np.random.default_rng(0)
    truth, draws = rng.standard_normal(200), rng.standard_normal((RANKS - 1, 200))
    p, meaning = uniformity((shift + width * draws < truth).sum(axis=0))
    assert (p > 1e-3) == (words == "uniform")
    assert words in meaning


def test_the_condition_number_of_the_correlated_gaussian() -> None:
    for exact in (gaussian(), gaussian(n=12)):
        assert torch.linalg.cond(exact.covariance).item() == pytest.approx(100, rel=1e-4)
        assert torch.linalg.eigvalsh(exact.covariance)[-1].item() == pytest.approx(1, rel=1e-4)


def test_the_moments_of_logistic_regression_are_those_of_adaptive_quadrature() -> None:
    exact = logistic_regression()
    x, y = exact.posterior.x.double().numpy(), exact.posterior.y.numpy()
    largest = -float(exact.posterior.potential(exact.mean[None].float()))

    def density(b: float, a: float) -> float:
        logits = x @ np.array([a, b])
        log_likelihood = special.log_expit(np.where(y == 1, logits, -logits)).sum()
        prior = (a * a + b * b) / (2 * exact.posterior.prior_std**2)
        return math.exp(log_likelihood - prior - largest)

    def integral(power_a: int, power_b: int) -> float:
        def term(b: float, a: float) -> float:
            return a**power_a * b**power_b * density(b, a)

        # The mass lies within six standard deviations.
        (a, b), (wide, high) = exact.mean, 6 * exact.covariance.diagonal().sqrt()
        box = float(a - wide), float(a + wide), float(b - high), float(b + high)
        return float(integrate.dblquad(term, *box, epsabs=1e-6, epsrel=1e-5)[0])

    mass = integral(0, 0)
    a, b = integral(1, 0) / mass, integral(0, 1) / mass
    assert exact.mean.numpy() == pytest.approx(np.array([a, b]), abs=1e-4)
    assert exact.covariance[0, 0].item() == pytest.approx(integral(2, 0) / mass - a * a, rel=1e-3)
    assert exact.covariance[0, 1].item() == pytest.approx(integral(1, 1) / mass - a * b, rel=1e-3)


@pytest.mark.parametrize("weight", [0.0, 2.0, 7.5])
def test_the_posterior_under_another_prior_is_that_of_the_regression(weight: float) -> None:
    exact = linear_regression(prior_std=0.1)
    data = exact.posterior
    prior_std = 0.1 / math.sqrt(weight) if weight else 1e6
    other = conjugate(data.x, data.y, 0.6, prior_std)
    mean, temperature = with_prior(exact, weight)
    root = torch.linalg.cholesky(exact.covariance)
    white = torch.linalg.solve(root, other.mean - exact.mean)
    assert mean == pytest.approx(white.numpy(), rel=1e-4, abs=1e-4)
    ratio = torch.linalg.solve(exact.covariance, other.covariance).trace() / 2
    assert temperature == pytest.approx(ratio.item(), rel=1e-4)


def test_an_unknown_bug_is_diagnosed_as_a_different_density() -> None:
    exact = linear_regression(prior_std=0.1)
    found = moments(scaled(normal(exact, 8, 500, 0), 1.4, exact), exact)
    words = diagnose(Evidence(exact, {"batch_size": 100}, found, found))
    assert words.startswith("a different density is sampled: its variance is 1.4")


def test_chains_start_overdispersed() -> None:
    exact = gaussian(n=12)
    problem = trial(exact, Budget(1e6, 1), chains=4_000, near=True)
    start = problem.init(torch.Generator().manual_seed(0))
    found = moments(start.double().numpy()[None], exact)
    assert start.dtype == torch.float32
    assert found.temperature.value == pytest.approx(4, rel=0.05)
    assert np.abs(found.mean.value).max() < 0.15


def test_step_size_and_budget_follow_from_the_curvature() -> None:
    exact = gaussian(n=12)  # curvatures from 1 to 100
    effort = Effort(0.2, chains=3, draws=5, burn_in=4, batch_size=6)
    sampler = suited(Subject(parse(str(SGLD))).sampler, exact, effort)
    assert vars(sampler)["step_size"] == pytest.approx(0.2 / 100, rel=1e-4)
    assert vars(sampler)["batch_size"] == 6
    problem = convergent(sampler, exact, effort)
    # A relaxation time is 2/ε = 1,000 steps; 4 + 5 of them, half an epoch per step and chain.
    assert problem.remaining / problem.n == pytest.approx(9_000 * 3 / 2, rel=1e-3)
    assert problem.burn_in == pytest.approx(4 / 9)


def test_an_endless_sampler_is_stopped() -> None:
    problem = trial(gaussian_mean(10), Budget(2, 1))
    theta = problem.init(torch.Generator().manual_seed(0))
    for _ in range(6):
        problem.gradient(theta)
    with pytest.raises(BdlbenchError, match="expected at most 2 epochs, got 7 or more"):
        problem.gradient(theta)


@pytest.mark.slow
def test_the_checks_run_in_another_repository(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "from bdlbench.checks import parametrize_with_checks\n"
        f"WRONG = {str(SGLD.parents[1] / 'wrong' / 'wrong_shape.py')!r}\n"
        f"@parametrize_with_checks([{str(SGLD)!r}, WRONG])\n"
        "def test_contract_and_target(reference, check):\n"
        "    check(reference)\n"
    )
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-k", "draws"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=WAIT, check=False
    )
    assert f"test_contract_and_target[{SGLD}-draws] PASSED" in done.stdout
    assert "draws: –: expected draws of shape (1, 2)" in done.stdout
    quick = sum(check.quick for check in CHECKS)
    assert f"1 failed, 1 passed, {2 * (quick - 1)} deselected" in done.stdout
