"""The line of a plugin's own file that an exception comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bdlbench import plugin_errors, registry
from bdlbench.errors import PluginError
from bdlbench.plugin_errors import describe, location
from bdlbench.posterior.exact import linear_regression
from bdlbench.problem import Budget, Problem

Write = Callable[..., str]


def raised(path: str) -> tuple[BaseException, type]:
    plugin: Any = registry.load("samplers", path)
    problem = Problem(linear_regression().posterior, Budget(4, 1))
    with pytest.raises(BaseException) as caught:  # noqa: PT011 -- whatever the plugin raises
        list(plugin().sample(problem, torch.Generator().manual_seed(0)))
    return caught.value, plugin


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("yield torch.zeros(2, 3) @ torch.zeros(2, 3)", "mine.py:17: RuntimeError: mat1 and mat2"),
        (
            "x = 2\nproblem.gradient(torch.zeros(x))\nyield",
            "mine.py:18: ValueError: expected theta",
        ),
        ("yield from problem.steps(0, rng)", "mine.py:17: ValueError: expected batch_size from 1"),
        ("raise KeyError\nyield", "mine.py:17: KeyError"),
    ],
)
def test_an_exception_within_a_library_has_the_line_of_the_plugin(
    write_sampler: Write, body: str, expected: str
) -> None:
    error, plugin = raised(write_sampler(body))
    assert describe(error, plugin).startswith(expected)
    assert describe(error).startswith(expected), "also if the plugin is not known"


def test_an_installed_plugin_has_its_own_line() -> None:
    plugin = registry.load("samplers", "sgld")
    problem = Problem(linear_regression().posterior, Budget(4, 1))
    with pytest.raises(ValueError, match="batch_size from 1 to 100") as caught:
        list(plugin(batch_size=101).sample(problem, torch.Generator().manual_seed(0)))
    assert location(caught.value, plugin).startswith("sgld.py:")


def test_what_the_package_itself_raises_has_no_line() -> None:
    with pytest.raises(PluginError) as caught:
        registry.load("samplers", "nothing")
    assert describe(caught.value) == str(caught.value)


def test_debug_prints_the_traceback(
    write_sampler: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error, plugin = raised(write_sampler("raise OSError('no luck')\nyield"))
    describe(error, plugin)
    assert not capsys.readouterr().err
    monkeypatch.setenv(plugin_errors.VARIABLE, "1")
    describe(error, plugin)
    assert "line 17, in sample" in capsys.readouterr().err
