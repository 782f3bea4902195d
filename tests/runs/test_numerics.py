"""The version of the code that decides a run's numbers, and what a change of it comes to."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bdlbench import registry
from bdlbench.errors import BdlbenchError
from bdlbench.runs import acceptance, numerics, plan
from bdlbench.runs.acceptance import NEW, Kept
from bdlbench.runs.numerics import Identity
from bdlbench.runs.rounding import Golden
from tests import synthetic

SOURCE = '''\
"""A module."""

# √ε is the standard deviation of the noise
def step(theta, epsilon, *, scale=(1.0, None)):
    """Take a step."""
    text = f"{theta!r:>{epsilon}}"
    return theta + epsilon**0.5, text
'''


@pytest.fixture
def code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str, str], None]]:
    """Take the core and the samplers from a copy of the code, and change a file in it."""
    shutil.copytree(numerics.PACKAGE, tmp_path / "bdlbench")
    (tmp_path / "samplers").mkdir()
    for path in numerics.sampler_files():
        shutil.copy(path, tmp_path / "samplers")
    samplers = sorted((tmp_path / "samplers").glob("*.py"))
    monkeypatch.setattr(numerics, "PACKAGE", tmp_path / "bdlbench")
    monkeypatch.setattr(numerics, "sampler_files", lambda: samplers)

    def change(file: str, old: str, new: str) -> None:
        text = (tmp_path / file).read_text("utf-8")
        assert old in text
        (tmp_path / file).write_text(text.replace(old, new), "utf-8")
        numerics.version.cache_clear()
        numerics.digest_of.cache_clear()

    numerics.version.cache_clear()
    yield change
    numerics.version.cache_clear()
    numerics.digest_of.cache_clear()


def version_of(sampler: str) -> str:
    return numerics.identify(registry.load("samplers", sampler)).numerics


def test_the_code_is_as_it_was_accepted() -> None:
    assert numerics.unaccepted() == [], "run `bdlbench numerics --accept`"
    assert numerics.version() == str(numerics.declared().version)


def test_comments_and_docstrings_and_layout_change_nothing(
    code: Callable[[str, str, str], None],
) -> None:
    code("bdlbench/noise.py", "from __future__", "# a comment\nfrom __future__")
    code("bdlbench/optim.py", '"""Step by', '"""\n\n    Go on by')
    code("samplers/sgld.py", "theta = problem.init(rng)", "theta = (\n problem.init(rng)\n)")
    assert [numerics.version(), version_of("sgld")] == [str(numerics.declared().version)] * 2


def test_changed_code_of_all_samplers_is_a_local_version(
    code: Callable[[str, str, str], None], write_sampler: Callable[..., str]
) -> None:
    code("bdlbench/optim.py", "math.sqrt(epsilon * temperature)", "math.sqrt(epsilon * 1.0000001)")
    local = numerics.version()
    assert local.startswith(f"{numerics.declared().version}+")
    assert Identity(local, "").local
    assert version_of("sgld") != version_of("sgd"), "each is kept apart under its own digest"
    assert numerics.identify(registry.load("samplers", write_sampler("pass"))).numerics == local
    assert numerics.unaccepted() == ["optim"]


def test_a_changed_sampler_concerns_no_other(code: Callable[[str, str, str], None]) -> None:
    code("samplers/sgld.py", "self.temperature, rng", "2 * self.temperature, rng")
    assert "+" in version_of("sgld")
    assert version_of("sgd") == numerics.version() == str(numerics.declared().version)
    assert numerics.unaccepted() == ["sgld"]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# √ε", "# the root of ε", True),
        ('"""Take a step."""', '"""Take another."""', True),
        ("theta + epsilon**0.5, text", "(theta + epsilon**0.5,\n        text)", True),
        ("0.5", "0.25", False),
        ("0.5", "1/2", False),
        ("1.0, None", "1, None", False),
        ("1.0, None", "None, 1.0", False),
        ("!r", "!s", False),
        ("*, scale", "scale", False),
        ("theta +", "theta -", False),
    ],
)
def test_only_what_is_executed_counts(tmp_path: Path, old: str, new: str, same: bool) -> None:
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(SOURCE)
    after.write_text(SOURCE.replace(old, new))
    assert (numerics.digest_of(before) == numerics.digest_of(after)) == same


def test_a_plugin_is_known_by_its_file(write_sampler: Callable[..., str]) -> None:
    path = write_sampler("yield problem.init(rng)")
    first = numerics.identify(registry.load("samplers", path))
    write_sampler("yield problem.init(rng)  # a comment")
    second = numerics.identify(registry.load("samplers", path))
    assert first.numerics == second.numerics
    assert len({first.source_sha256, second.source_sha256, ""}) == 3


def test_runs_from_before_versions_were_declared_keep_their_names_and_have_a_version() -> None:
    before = numerics.declared().undeclared
    (source, *_), (code, *_) = before["source_sha256"]["sgld"], before["code_sha256"]
    made = synthetic.record("sgld")
    configuration = replace(made.configuration, numerics=None, protocol=2, code_sha256=code)
    sampler = replace(made.sampler, source_sha256=source)
    assert numerics.identity_of(sampler, configuration) == Identity("2", "")
    other = replace(sampler, source_sha256="a" * 64)
    assert numerics.identity_of(other, configuration) == Identity("2", "a" * 64)
    unknown = replace(configuration, code_sha256="ab12cd34" * 8)
    assert numerics.identity_of(sampler, unknown) == Identity("2+ab12cd34", "")
    assert numerics.identity_of(sampler, replace(configuration, protocol=1)).numerics == "1"
    named = synthetic.named(replace(made, configuration=configuration))
    assert named.run.startswith(plan.stem("digits", made.sampler, named.configuration, made.data))


def golden(*values: float, tolerance: float = 0.0) -> Golden:
    return Golden(np.array(values), tolerance)


def kept(where: str = "here", **goldens: Golden) -> Kept:
    return acceptance._keep(goldens, None, where)


NUMBERS = np.linspace(-3, 5, 1000)


def test_goldens_that_moved_are_named_with_what_they_were() -> None:
    before = kept(count=golden(1, 2), noise=golden(*NUMBERS, tolerance=1e-6), old=golden(1))
    moved = {"count": golden(1, 3), "noise": golden(*NUMBERS + 1e-3, tolerance=1e-6)}
    assert acceptance.moved(moved | {"new": golden(1)}, before, "here") == [
        "old: is gone",
        "count: number 1 moved from 2.0 to 3.0 (at most 0)",
        "noise: number 0 moved from -3.0 to -2.999 (at most 1e-06)",
        f"new{NEW}",
    ]
    other = {"count": golden(1), "noise": golden(*NUMBERS, tolerance=1e-6), "old": golden(1)}
    assert acceptance.moved(other, before, "here") == ["count: shape [1] in place of [2]"]


@pytest.mark.parametrize("place", [0, 1, 500, 998])
def test_every_number_counts_whether_it_is_kept_or_not(place: int) -> None:
    before = kept(noise=golden(*NUMBERS, tolerance=1e-6))
    numbers = NUMBERS.copy()
    numbers[place] += 1e-3
    (line,) = acceptance.moved({"noise": golden(*numbers, tolerance=1e-6)}, before, "elsewhere")
    assert line.startswith("noise: ")


def test_where_bits_must_be_the_same_one_ulp_is_found_and_elsewhere_rounding_is_allowed() -> None:
    before = kept(noise=golden(*NUMBERS, tolerance=1e-6), count=golden(7))
    numbers = NUMBERS.copy()
    numbers[500] = np.nextafter(numbers[500], 9)
    found = {"noise": golden(*numbers, tolerance=1e-6), "count": golden(7)}
    (line,) = acceptance.moved(found, before, "here")
    assert line == "noise: other bits, in an environment in which they must be the same"
    assert acceptance.moved(found, before, "elsewhere") == []


def test_bits_of_another_environment_are_added_and_values_stay_as_first_recorded() -> None:
    before = kept(noise=golden(*NUMBERS, tolerance=1e-6))
    found = {"noise": golden(*NUMBERS + 1e-8, tolerance=1e-6)}
    both = acceptance._keep(found, before, "elsewhere")
    assert both.goldens == before.goldens
    assert both.digests.keys() == {"here", "elsewhere"}
    assert acceptance.moved(found, both, "elsewhere") == []


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module, name in ((numerics, "DECLARED"), (acceptance, "GOLDENS")):
        target = tmp_path / Path(getattr(module, name)).name
        shutil.copy(getattr(module, name), target)
        monkeypatch.setattr(module, name, target)
    return tmp_path


def test_code_is_accepted_only_if_goldens_hold_and_run_every_line(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"noise": golden(*NUMBERS, tolerance=1e-6)}
    monkeypatch.setattr(acceptance, "read", lambda: kept(acceptance.environment(), **found))
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    monkeypatch.setattr(acceptance, "_measure", lambda: (found, ["noise.py line 7"]))
    with pytest.raises(BdlbenchError, match=r"the goldens do not run noise\.py line 7; add what"):
        acceptance.accept()
    moved = {"noise": golden(*NUMBERS + 1, tolerance=1e-6)}
    monkeypatch.setattr(acceptance, "_measure", lambda: (moved, []))
    with pytest.raises(BdlbenchError, match=r"1 goldens have moved: noise: number 0 moved from"):
        acceptance.accept()
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before
    assert acceptance.accept(raised=True) == str(numerics.declared().version + 1)
    monkeypatch.setattr(acceptance, "_measure", lambda: (found, []))
    assert acceptance.accept() == str(numerics.declared().version)
