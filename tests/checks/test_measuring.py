"""The checks' measurements: deviations, their errors, verdicts by equivalence, ranks."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bdlbench.checks import CHECKS, Subject, linear_problems, network_problems, target
from bdlbench.checks.calibration import RANKS, uniformity
from bdlbench.checks.estimates import Estimates, estimate, limit
from bdlbench.checks.increments import one_step
from bdlbench.checks.known import Known
from bdlbench.checks.measuring import Measured
from bdlbench.checks.sampling import (
    Effort,
    Sampled,
    budget,
    habits_of,
    stepped,
    suited,
)
from bdlbench.checks.target import TargetCheck
from bdlbench.checks.trial import Trial
from bdlbench.errors import BdlbenchError
from bdlbench.problem import Budget
from bdlbench.settings import parse
from tests.processes import WAIT

HERE = Path(__file__).parent
SGLD = HERE / "right" / "mean_loss_rate.py"
EFFORT = Effort(0.1, chains=200, draws=8)


@pytest.fixture(scope="module")
def known() -> Known:
    return linear_problems.tensors(0, points=60, small=True)


@pytest.fixture(scope="module")
def bent() -> Known:
    return network_problems.two_layers(0)


def exact(known: Known, seed: int, chains: int = 200, draws: int = 8) -> Sampled:
    """Return independent exact draws, as of a sampler that forgets its start at once."""
    rng = torch.Generator().manual_seed(seed)
    drawn = known.start(chains * (draws + 1), 0, 1.0, rng).double().numpy()
    parts = drawn.reshape(draws + 1, chains, -1)
    return Sampled(parts[0], parts[1:])


def measured(known: Known, sampled: Sampled, effort: Effort = EFFORT) -> Measured:
    sampler = Subject(parse(str(SGLD))).sampler
    return Measured(known, effort, sampler, sampled, estimate(known, sampled, effort.chains))


def scaled(known: Known, factor: float, seed: int, draws: int = 8) -> Estimates:
    """Return the deviations of draws whose variances are wrong by a factor."""
    found = exact(known, seed, draws=draws)
    wider = known.mean + math.sqrt(factor) * (found.draws - known.mean)
    return estimate(known, replace(found, draws=wider), 200)


@pytest.mark.parametrize("make", ["known", "bent"])
def test_errors_cover_the_truth(make: str, request: pytest.FixtureRequest) -> None:
    known = request.getfixturevalue(make)
    found = [estimate(known, exact(known, seed), 200) for seed in range(40)]
    z = np.stack([one.deviation / one.error for one in found])
    # Each of the functionals has 40 values of a distribution that is nearly normal.
    assert abs(z.std() - 1) < 0.1
    assert np.abs(z.mean(axis=0)).max() < 5 / math.sqrt(40)
    assert sum("outside" in one.states(strict=True) for one in found) <= 1


def test_exact_draws_have_forgotten_their_start(known: Known) -> None:
    found = estimate(known, exact(known, 0), 200)
    # The regression coefficient of a mean of 8 draws has a standard error of 1/√(8·200).
    assert found.forgotten.min() > 1 - 5 / math.sqrt(8 * 200)
    assert found.mixed


def test_a_sampler_that_does_not_move_is_open_and_not_exact(known: Known) -> None:
    start = exact(known, 0, chains=2000)
    frozen = Sampled(start.start, np.repeat(start.start[None], 8, axis=0))
    found = estimate(known, frozen, 2000)
    assert not found.mixed
    assert found.forgotten.max() < 0.1
    assert "within" not in {
        state for state, name in zip(found.states(), found.names, strict=True) if name == "variance"
    }
    assert measured(known, frozen, replace(EFFORT, chains=2000)).frozen == 2000


def test_draws_are_divided_by_what_they_have_forgotten(known: Known) -> None:
    """Half a step from exact draws towards T = 1.4 is a deviation of 0.2, and 0.4 when settled."""
    rng = np.random.default_rng(0)
    start = exact(known, 0, chains=4000).start
    white = known.whiten(start)
    share = math.sqrt(0.5)
    noise = math.sqrt(1.4 * 0.5) * rng.standard_normal((1, *white.shape))
    moved = known.mean + (share * white + noise) @ known.root.T
    found = estimate(known, Sampled(start, moved), 4000)
    assert found.temperature[0] == pytest.approx(1.2, abs=0.03)
    assert found.settled.temperature[0] == pytest.approx(1.4, abs=0.06)


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_wrong_temperature_is_outside(known: Known, factor: float) -> None:
    found = scaled(known, factor, 0, draws=16)
    states = dict(zip(found.names, found.states(), strict=True))
    assert states["temperature"] == "outside"
    assert found.temperature[0] == pytest.approx(factor, abs=5 * found.temperature[1])


def test_one_stray_chain_is_found_and_never_passes(known: Known) -> None:
    found = exact(known, 0)
    found.draws[:, 17] = known.mean + 30 * known.root[:, 0]
    one = measured(known, found)
    assert one.strays[0] == 1
    assert one.strays[1] == pytest.approx(30, rel=1e-3)
    states = dict(zip(one.estimates.names, one.estimates.states(), strict=True))
    assert states["temperature"] == "open"


def test_a_gaussian_with_the_right_moments_is_told_from_a_curved_posterior(bent: Known) -> None:
    rng = np.random.default_rng(0)
    found = exact(bent, 0, chains=1000)
    normal = bent.mean + rng.standard_normal((8, 1000, 4)) @ bent.root.T
    states = estimate(bent, Sampled(found.start, normal), 1000)
    outside = {n for n, s in zip(states.names, states.states(), strict=True) if s == "outside"}
    assert "energy" in outside
    assert "mean" not in outside


def test_chains_that_stay_where_they_start_are_late(known: Known) -> None:
    effort = replace(EFFORT, wide=100)
    rng = torch.Generator().manual_seed(0)
    start = known.start(200, 100, 1.0, rng).double().numpy()
    again = [known.start(200, 100, 1.0, rng).double().numpy() for _ in range(8)]
    assert (
        "depends on where they start"
        in measured(known, Sampled(start, np.stack(again)), effort).late()
    )
    arrived = [known.start(300, 0, 1.0, rng).double().numpy() for _ in range(8)]
    assert not measured(known, Sampled(start, np.stack(arrived)), effort).late()
    slow = np.repeat(start[None], 8, axis=0)  # neither group moves
    assert not measured(known, Sampled(start, slow), effort).late()


def test_a_bias_proportional_to_the_step_size_is_extrapolated_away(known: Known) -> None:
    fine, coarse = scaled(known, 1.05, 1, 40), scaled(known, 1.2, 2, 40)
    found = limit(fine, coarse, ratio=4.0)
    assert abs(found.temperature[0] - 1) < 5 * found.temperature[1]
    expected = math.hypot(4 * fine.settled.temperature[1], coarse.settled.temperature[1]) / 3
    assert found.temperature[1] == pytest.approx(expected)
    constant = limit(scaled(known, 1.2, 3, 40), coarse, ratio=4.0)
    assert dict(zip(constant.names, constant.states(), strict=True))["temperature"] == "outside"


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("right/mean_loss_rate", {"likelihood": 1, "prior": 1, "noise": 1, "exponent": 0.5}),
        ("wrong/double_noise", {"likelihood": 1, "prior": 1, "noise": 2, "exponent": 0.5}),
        ("wrong/full_gradient", {"likelihood": 2, "prior": 2, "noise": 1, "exponent": 0.5}),
        ("wrong/weight_decay", {"likelihood": 1, "prior": 2, "noise": 1, "exponent": 0.5}),
        ("wrong/no_prior", {"likelihood": 1, "prior": 0, "noise": 1, "exponent": 0.5}),
        ("wrong/noise_in_the_learning_rate", {"likelihood": 1, "prior": 1, "exponent": 1.5}),
    ],
)
def test_the_step_is_measured(name: str, factors: dict[str, float]) -> None:
    step = one_step(Subject(parse(str(HERE / f"{name}.py"))))
    assert step is not None
    found = {
        "likelihood": step.likelihood,
        "prior": step.prior,
        "noise": float(np.mean(list(step.noise.values()))),
        "exponent": step.exponent,
    }
    for factor, value in factors.items():
        assert found[factor] == pytest.approx(value, abs=0.12), factor


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


def test_step_size_and_budget_follow_from_the_curvature(known: Known) -> None:
    effort = Effort(0.2, chains=3, draws=5, burn_in=4, batch_size=6)
    sampler = suited(Subject(parse(str(SGLD))).sampler, known, effort)
    largest = 1 / np.linalg.eigvalsh(known.covariance)[0]
    assert vars(sampler)["step_size"] == pytest.approx(0.2 / largest, rel=1e-4)
    assert vars(sampler)["batch_size"] == 6
    # A relaxation time is 2·6/0.2 = 60 steps; 4 + 5 of them, a tenth of an epoch each and chain.
    planned = budget(known, effort, batch_size=6)
    assert planned.epochs == pytest.approx(540 * 3 / 10, rel=0.01)
    assert planned.burn_in == pytest.approx(4 / 9)


def test_a_plugin_declares_its_own_step() -> None:
    sampler = Subject(parse(str(HERE / "right" / "leapfrog_hmc.py"))).sampler
    assert vars(stepped(sampler, 0.25))["step_size"] == 0.5
    assert stepped(Subject(parse("hmc")).sampler, 0.25) is None


def test_habits_are_found_by_a_trial(write_sampler: object) -> None:
    body = """
        theta = problem.init(rng)
        for batch, keep in problem.steps(32, rng):
            theta = theta - 1e-6 * problem.gradient(theta, batch)
            if keep:
                yield theta
    """
    path = write_sampler(body)  # type: ignore[operator]
    habits = habits_of(Subject(parse(path)).sampler)
    assert (habits.batch_size, habits.uses_potential) == (32, False)
    mala = habits_of(Subject(parse(str(HERE / "right" / "mala.py"))).sampler)
    assert (mala.batch_size, mala.uses_potential) == (None, True)


def test_chains_that_cannot_reject_and_never_move_are_wrong(
    write_sampler: Callable[..., str],
) -> None:
    effort = Effort(0.5, chains=200, draws=12, wide=20)
    check = TargetCheck(
        "line", lambda subject: linear_problems.tensors(subject.seed, 60, True), effort
    )
    body = """
        theta = problem.init(rng)
        for _, keep in problem.steps(None, rng):
            problem.{}(theta)
            if keep:
                yield theta
    """
    still = Subject(parse(write_sampler(body.format("gradient"))))
    assert check(still, True).verdict == "fail"
    assert check(still, True).meaning == target.NEVER_MOVES
    rejecting = Subject(parse(write_sampler(body.format("potential"))))
    assert check(rejecting, True).verdict == "inconclusive"


def test_an_endless_sampler_is_stopped(known: Known) -> None:
    def start(chains: int, rng: torch.Generator) -> torch.Tensor:
        return known.start(chains, 0, 1.0, rng)

    theta = start(1, torch.Generator().manual_seed(0))
    for problem, allowed, message in (
        (Trial(known.posterior, Budget(2, 1), 1, start), 6, "at most 2 epochs, got 7 or more"),
        (Trial(known.posterior, Budget(1e6, 1), 1, start, calls=5), 5, "minibatches of 60 of 60"),
    ):
        for _ in range(allowed):
            problem.gradient(theta)
        with pytest.raises(BdlbenchError, match=message):
            problem.gradient(theta)


def test_uncharged_evaluations_in_jax_are_counted(known: Known) -> None:
    import jax

    problem = Trial(known.posterior, Budget(2, 1), counts=True)
    potential = problem.to_jax()
    theta = jax.numpy.zeros(problem.dim)

    @jax.jit
    def descend(potential: Any, theta: Any) -> Any:
        return jax.lax.fori_loop(0, 5, lambda i, x: x - 1e-9 * jax.grad(potential)(x), theta)

    descend(potential, theta).block_until_ready()
    assert problem.evaluated == 5 * problem.n


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
