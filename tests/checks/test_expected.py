"""The table of expected verdicts is complete, and every sampler in it is a plugin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bdlbench import registry
from bdlbench.settings import parse
from tests.checks.expected import EXPECTED

HERE = Path(__file__).parent
FILES = {path.stem: path for side in ("wrong", "right") for path in (HERE / side).glob("*.py")}


def test_every_sampler_has_an_expected_verdict() -> None:
    assert {name: path.parent.name for name, path in FILES.items()} == {
        name: expected.verdict for name, expected in EXPECTED.items()
    }


def test_there_are_enough() -> None:
    verdicts = [expected.verdict for expected in EXPECTED.values()]
    assert verdicts.count("wrong") >= 60
    assert verdicts.count("right") >= 25


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_sampler_is_a_plugin_that_says_what_it_is(name: str) -> None:
    sampler = registry.create("samplers", parse(str(FILES[name])))
    doc = type(sampler).__doc__ or ""
    assert doc
    assert "\n" not in doc
    assert vars(type(sampler))["plugin_name"] == name.replace("_", "-")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_wrong_sampler_has_a_diagnosis(name: str) -> None:
    expected = EXPECTED[name]
    assert (expected.words != "") == (expected.verdict == "wrong")
    assert not re.search(expected.words, "") or not expected.words
