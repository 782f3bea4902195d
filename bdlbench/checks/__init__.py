"""Checks of a plugin: that it implements the interface, and that it samples its target.

In the tests of a third-party plugin::

    from bdlbench.checks import parametrize_with_checks

    @parametrize_with_checks(["./my_sampler.py"])
    def test_contract_and_target(reference, check):
        check(reference)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from bdlbench.checks.calibration import CALIBRATION_CHECKS
from bdlbench.checks.contract import CONTRACT_CHECKS
from bdlbench.checks.one_chain import OneChainCheck
from bdlbench.checks.rejections import RejectionCheck
from bdlbench.checks.result import Result, Subject
from bdlbench.checks.shared_network import SharedNetworkCheck
from bdlbench.checks.target import TARGET_CHECKS
from bdlbench.settings import parse

CHECKS = (
    *CONTRACT_CHECKS,
    *TARGET_CHECKS,
    OneChainCheck(),
    RejectionCheck(),
    SharedNetworkCheck(),
    *CALIBRATION_CHECKS,
)
BAD = ("fail", "error")
VERSION = 2  # increased by every change that could change a verdict

__all__ = ["CHECKS", "VERSION", "Result", "Subject", "parametrize_with_checks", "run_checks"]


def run_checks(
    subject: Subject, quick: bool = False, without: Collection[str] = ()
) -> Iterator[Result]:
    """Run the checks, and yield each result as soon as it is available.

    Args:
        subject: The plugin.
        quick: Skip the slow checks, and use fewer draws in the others.
        without: Names of checks to leave out.

    Raises:
        PluginError: The plugin cannot be loaded.
    """
    errors: set[str] = set()
    for check in CHECKS:
        if (not check.quick and quick) or check.name in without:
            continue
        result = check(subject, quick)
        if result.verdict == "error":
            if result.meaning in errors:  # the same error again says nothing new
                return
            errors.add(result.meaning)
        yield result


def parametrize_with_checks(references: Sequence[str], quick: bool = True) -> Callable[..., Any]:
    """Parametrize a pytest function over plugins and checks.

    The function takes ``reference`` and ``check``, and calls ``check(reference)``, which raises an
    AssertionError that describes the failure.

    Args:
        references: Names or files of plugins, optionally with hyperparameters.
        quick: Skip the slow checks, and use fewer draws in the others.
    """
    import pytest

    cases = [
        pytest.param(reference, _asserting(check, quick), id=f"{reference}-{check.name}")
        for reference in references
        for check in CHECKS
        if check.quick or not quick
    ]
    return pytest.mark.parametrize(("reference", "check"), cases)


def _asserting(check: Callable[[Subject, bool], Result], quick: bool) -> Callable[[str], None]:
    def assert_it(reference: str) -> None:
        result = check(Subject(parse(reference)), quick)
        assert result.verdict not in BAD, f"{result.check}: {result.figure}: {result.meaning}"

    return assert_it
