"""The interface checks: their requirements by target, and restoring of global state."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from bdlbench.checks import CHECKS, Result, Subject, run_checks
from bdlbench.checks.global_state import watched
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.settings import parse

Write = Callable[..., str]
RIGHT = Path(__file__).parent / "right" / "mean_loss_rate.py"
BY_NAME = {check.name: check for check in CHECKS}
TRAINED = """
theta = problem.init(rng)
for batch, keep in problem.steps(None, rng):
    theta = theta - 1e-3 * problem.gradient(theta, batch)
"""


def judge(path: str, check: str, quick: bool = True) -> Result:
    return BY_NAME[check](Subject(parse(path)), quick)


def declared(path: str, target: str) -> str:
    text = Path(path).read_text()
    Path(path).write_text(text.replace("size: int", f"target = {target!r}\n    size: int"))
    return path


@pytest.mark.parametrize("check", ["draws", "seeds"])
def test_point_estimates_may_agree_in_a_problem_with_one_mode(
    write_sampler: Write, check: str
) -> None:
    path = write_sampler(TRAINED + "yield torch.zeros_like(theta)")
    assert judge(path, check).verdict == "fail", "a sampler declared exact may not"
    assert judge(declared(path, "point"), check).verdict == "pass"


def test_a_point_estimate_is_one_draw(write_sampler: Write) -> None:
    path = write_sampler(TRAINED + "yield theta\nyield theta + 1")
    result = judge(declared(path, "point"), "draws")
    assert (result.verdict, result.meaning) == (
        "fail",
        "expected one draw of a point estimate, got 2",
    )


@pytest.mark.parametrize(
    ("target", "verdict"), [("exact", "fail"), ("approximate", "shown"), ("point", "shown")]
)
def test_a_sampler_is_checked_for_its_declared_target(
    write_sampler: Write, target: str, verdict: str
) -> None:
    faster = TRAINED.replace("1e-3", "0.1") + "    if keep:\n        yield theta"
    result = judge(declared(write_sampler(faster), target), "skewed")
    assert result.verdict == verdict
    assert result.figure.startswith("T = ")


@pytest.mark.parametrize(
    ("body", "verdict", "meaning"),
    [
        ("yield 3", "fail", "expected draws of shape (1, 2) and torch.float32, got int"),
        ("yield from ()", "fail", "expected 1 to problem.draws = 5 draws, got 0"),
        ("raise OSError('no disk')", "error", "OSError: no disk"),
        ("raise SystemExit(3)", "error", "SystemExit: 3"),
        (
            "while True: yield problem.init(rng)",
            "fail",
            "expected problem.draws = 5 draws, got too",
        ),
    ],
)
def test_errors_of_a_plugin_are_results(
    write_sampler: Write, body: str, verdict: str, meaning: str
) -> None:
    result = judge(write_sampler(body), "draws")
    assert result.verdict == verdict
    assert re.match(rf"(mine\.py:\d+: )?{re.escape(meaning)}", result.meaning)
    assert (": " in result.meaning.partition(meaning)[0]) == (verdict == "error")


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        ("yield from ()", r"expected draws of shape \(500, 2\), got none in 0 epochs"),
        ("yield problem.init(rng) / 0", "expected finite draws, got NaN"),
        ("while True: yield problem.init(rng)", "expected problem.draws = 6 draws, got too many"),
    ],
)
def test_invalid_draws_are_reported(write_sampler: Write, body: str, meaning: str) -> None:
    result = judge(write_sampler(body), "skewed")
    assert result.verdict == "fail"
    with pytest.raises(AssertionError, match=meaning):
        raise AssertionError(result.meaning)


@pytest.mark.parametrize("check", ["draws", "models", "curved"])
def test_problems_are_as_large_as_a_fixed_batch(check: str) -> None:
    assert judge(str(RIGHT.parent / "fixed_batch.py"), check).verdict == "pass"


def test_different_draws_in_a_new_process_are_detected(write_sampler: Write) -> None:
    body = "import os\nprint('printing is allowed')\nyield problem.init(rng) + os.getpid()"
    result = judge(write_sampler(body), "new process", quick=False)
    assert result.meaning == "a new process gives different draws for the same seed"


def test_the_error_of_a_new_process_is_one_line(write_sampler: Write, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    body = f"""
import os
from pathlib import Path
flag = Path({str(flag)!r})
if not flag.exists():
    flag.write_text(str(os.getpid()))
assert flag.read_text() == str(os.getpid()), "elsewhere"
yield problem.init(rng)
"""
    result = judge(write_sampler(body), "new process", quick=False)
    assert result.verdict == "fail"
    assert result.meaning == "a new process fails: AssertionError: elsewhere"


@pytest.mark.parametrize(
    ("touch", "owner"),
    [
        (lambda: random.random(), "the random module's"),
        (lambda: random.seed(0), "the random module's"),
        (lambda: np.random.rand(), "NumPy's"),  # noqa: NPY002
        (lambda: np.random.seed(0), "NumPy's"),  # noqa: NPY002
        (lambda: torch.rand(1), "torch's"),
        (lambda: torch.manual_seed(0), "torch's"),
        (lambda: torch.set_num_threads(2), "the number of torch threads"),
    ],
)
def test_global_state_is_watched_and_restored(touch: Callable[[], object], owner: str) -> None:
    def state() -> tuple[object, ...]:
        numpy = np.random.get_state(legacy=False)["state"]["key"].tolist()  # noqa: NPY002
        torchs = torch.get_rng_state().tolist()
        return random.getstate(), numpy, torchs, torch.get_num_threads()

    before = state()
    for _ in range(2):  # the second time, the seed has been set before
        with pytest.raises(BdlbenchError, match=owner), watched():
            touch()
    with watched():
        np.random.default_rng(0).normal()
        torch.rand(1, generator=torch.Generator())
    assert state() == before


def test_quick_checks_are_some_of_all() -> None:
    quick, full = {check.name for check in CHECKS if check.quick}, {check.name for check in CHECKS}
    assert {"draws", "budget", "seeds", "several tensors", "large N"} <= quick < full
    assert len(full) == len(CHECKS)


def test_the_same_error_again_ends_the_checks(write_sampler: Write) -> None:
    found = list(run_checks(Subject(parse(write_sampler("raise OSError('no disk')")))))
    assert [result.verdict for result in found] == ["error"]


def test_a_plugin_that_cannot_be_loaded_raises(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="no such file"):
        next(run_checks(Subject(parse(str(tmp_path / "gone.py")))))
