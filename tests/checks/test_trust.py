"""Wrong samplers are rejected with the right diagnosis; right samplers pass."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bdlbench.checks import CHECKS, Result, Subject
from bdlbench.checks.contract import CONTRACT_CHECKS
from bdlbench.checks.target import TargetCheck
from bdlbench.settings import parse

HERE = Path(__file__).parent
BY_NAME = {check.name: check for check in CHECKS}
RIGHT = sorted(path.stem for path in (HERE / "right").glob("*.py"))

# Sampler, a check that it must fail (in its quick form if it has one), and the expected diagnosis.
WRONG = [
    ("noise_in_the_learning_rate", "line", r"grows like ε\^1\.[45].*, expected √ε"),
    ("noise_of_size_step", "line", r"grows like ε\^(1|0\.9\d*|1\.1\d*), expected √ε"),
    ("noise_of_the_mean_loss", "line", r"T = (9|10)\d\.?\d* ≈ N: .*not scaled by 1/N"),
    ("noise_of_the_mean_loss", "mean of 60,000", r"T = [56]\.\d+e\+04 ≈ N: .*not scaled by 1/N"),
    ("gradient_of_the_mean_loss", "line", r"keeps growing: .* the mean loss, instead of U"),
    ("noise_over_n", "line", r"≈ 1/N: the noise variance is too small by a factor N"),
    ("full_gradient", "line", r"T = 0\.5\d: .* different step-size conventions .*not with ε·∇U"),
    ("full_gradient", "logistic regression", r"T = 0\.5\d: .* different step-size conventions"),
    ("double_noise", "line", r"T = (1\.9|2\.0)\d: .* conventions .*not with √\(2ε\)"),
    ("weight_decay", "line", r"the prior is counted twice"),
    ("no_prior", "line", r"the prior is missing"),
    ("prior_of_every_batch", "mean of 1,000", r"the prior is multiplied by N/n"),
    ("no_oversampling", "mean of 1,000", r"likelihood of the minibatch lacks the factor N/n$"),
    ("unscaled_noise", "line", r"depending on the direction: .* preconditioner"),
    ("noise_times_g", "line", r"depending on the direction: .* preconditioner"),
    ("moving_preconditioner", "line", r"a different density .* without the term Γ"),
    ("undamped_noise", "line", r"≈ 1/\(1 − μ\): the noise variance lacks the factor \(1 − μ\)"),
    ("only_accepted", "line", r"rejected states not repeated"),
    ("no_metropolis_test", "line", r"no Metropolis test"),
    ("no_noise", "line", r"the draws do not vary: .* a point estimate"),
    ("running_mean", "line", r"are draws averaged over time\?"),
    ("shared_noise", "line", r"the chains move together"),
    ("fixed_minibatch", "minibatches", r"the chains do not mix: .* different data"),
    ("temperature_of_the_std", "temperature ½", r"asked for T = 0\.5, it samples at 0\.2[45]"),
    ("numpy_global", "global state", r"NumPy's global random state was used"),
    ("torch_global", "global state", r"torch's global random state was used"),
    ("torch_global", "seeds", r"the same seed gives different draws"),
    ("seeds_torch", "global state", r"torch's global random state was used or set"),
    ("same_draws", "seeds", r"a different seed gives the same draws"),
    ("sets_threads", "global state", r"number of torch threads was changed"),
    ("changes_settings", "global state", r"hyperparameters changed in the run, from Ch.* to Ch"),
    ("wrong_shape", "draws", r"expected draws of shape \(1, 2\) and torch.float32, got \(2,\)"),
    ("double_precision", "draws", r"and torch\.float32, got \(1, 2\) and torch\.float64"),
    ("not_a_number", "draws", r"expected finite draws, got NaN"),
    ("too_many_draws", "draws", r"expected problem\.draws = 5 draws, got too many"),
    ("one_chain_for_all", "draws", r"expected different chains"),
    ("over_budget", "budget", r"expected at most 400 epochs, got 800"),
    ("endless", "budget", r"expected at most 400 epochs, got 1201 or more"),
    ("uncharged", "budget", r"no gradient was charged"),
]


def judge(path: Path, check: str, quick: bool = True) -> Result:
    return BY_NAME[check](Subject(parse(str(path))), quick)


# What a quarter of the chains, with errors twice as large, rejects, all of them reject, too. To be
# diagnosed, these samplers need all: a temperature to 4 %, or the growth of the spread.
EVERY_CHAIN = {"gradient_of_the_mean_loss", "double_noise", "noise_of_the_mean_loss"}


@pytest.mark.parametrize(("name", "check", "words"), WRONG)
def test_a_wrong_sampler_is_diagnosed(name: str, check: str, words: str) -> None:
    found = BY_NAME[check]
    if isinstance(found, TargetCheck) and name not in EVERY_CHAIN:
        found = replace(found, effort=replace(found.effort, chains=found.effort.chains // 4))
    result = found(Subject(parse(str(HERE / "wrong" / f"{name}.py"))), True)
    assert result.verdict == "fail"
    assert re.search(words, result.meaning), result.meaning


def test_every_wrong_sampler_is_checked() -> None:
    assert {path.stem for path in (HERE / "wrong").glob("*.py")} == {name for name, *_ in WRONG}


# Slow checks, and the samplers for which they are informative: "new process" for one, as all pass
# "seeds" in this process; "mean of 1,000" for those with minibatches, as the others pass "line".
# All checks of all samplers take minutes: see repeat.py.
LONG = {
    "new process": ["mean_loss_rate"],
    "mean of 1,000": ["baoab", "fixed_preconditioner", "mean_loss_rate", "momentum"],
}
CASES = [
    (name, check)
    for check in [*(c.name for c in CONTRACT_CHECKS), "line", "mean of 1,000"]
    for name in LONG.get(check, RIGHT)
]


@pytest.mark.parametrize(("name", "check"), CASES)
def test_a_right_sampler_passes(name: str, check: str) -> None:
    result = judge(HERE / "right" / f"{name}.py", check)
    assert result.verdict == "pass", result.meaning


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("fixed_preconditioner", "logistic regression"),
        ("momentum", "mean of 60,000"),
        ("momentum", "temperature ½"),
        ("random_walk", "ranks"),
        ("mala", "Stein discrepancy"),
    ],
)
def test_a_right_sampler_passes_the_longer_checks(name: str, check: str) -> None:
    quick = BY_NAME[check].quick
    assert judge(HERE / "right" / f"{name}.py", check, quick).verdict == "pass"


@pytest.mark.parametrize(
    ("check", "words"),
    [
        pytest.param("ranks", "too wide", marks=pytest.mark.slow),
        ("Stein discrepancy", "unlike exact draws"),
    ],
)
def test_calibration_rejects_a_wrong_temperature(check: str, words: str) -> None:
    result = judge(HERE / "wrong" / "noise_of_the_mean_loss.py", check, quick=False)
    assert result.verdict == "fail"
    assert words in result.meaning
