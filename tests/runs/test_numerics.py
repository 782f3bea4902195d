"""The numerics version, and how a change of the code affects it."""

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
    """Use a copy of the core and the samplers, and return a function that edits its files."""
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


def test_the_current_code_is_accepted() -> None:
    assert numerics.unaccepted() == [], "run `bdlbench numerics --accept`"
    assert numerics.version() == str(numerics.declared().version)


def test_comments_docstrings_and_layout_are_ignored(
    code: Callable[[str, str, str], None],
) -> None:
    code("bdlbench/noise.py", "from __future__", "# a comment\nfrom __future__")
    code("bdlbench/optim.py", '"""Update', '"""\n\n    Update')
    code("samplers/sgld.py", "theta = problem.init(rng)", "theta = (\n problem.init(rng)\n)")
    assert [numerics.version(), version_of("sgld")] == [str(numerics.declared().version)] * 2


def test_a_changed_core_gives_every_sampler_a_local_version(
    code: Callable[[str, str, str], None], write_sampler: Callable[..., str]
) -> None:
    code("bdlbench/optim.py", "math.sqrt(epsilon * temperature)", "math.sqrt(epsilon * 1.0000001)")
    local = numerics.version()
    assert local.startswith(f"{numerics.declared().version}+")
    assert Identity(local, "").local
    assert version_of("sgld") != version_of("sgd"), "each has its own digest"
    assert numerics.identify(registry.load("samplers", write_sampler("pass"))).numerics == local
    assert numerics.unaccepted() == ["optim"]


def test_a_changed_sampler_affects_no_other(code: Callable[[str, str, str], None]) -> None:
    code("samplers/sgld.py", "self.temperature, rng", "2 * self.temperature, rng")
    assert "+" in version_of("sgld")
    assert version_of("sgd") == numerics.version() == str(numerics.declared().version)
    assert numerics.unaccepted() == ["sgld"]


def test_a_sampler_is_identified_with_those_that_it_uses(
    code: Callable[[str, str, str], None],
) -> None:
    code("samplers/sgd.py", "rate / problem.n", "2 * rate / problem.n")
    assert "+" in version_of("temperature-scaling")
    assert "+" not in version_of("deep-ensemble")


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
def test_only_code_affects_the_digest(tmp_path: Path, old: str, new: str, same: bool) -> None:
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(SOURCE)
    after.write_text(SOURCE.replace(old, new))
    assert (numerics.digest_of(before) == numerics.digest_of(after)) == same


def test_a_plugin_is_identified_by_its_file(write_sampler: Callable[..., str]) -> None:
    path = write_sampler("yield problem.init(rng)")
    first = numerics.identify(registry.load("samplers", path))
    write_sampler("yield problem.init(rng)  # a comment")
    second = numerics.identify(registry.load("samplers", path))
    assert first.numerics == second.numerics
    assert len({first.source_sha256, second.source_sha256, ""}) == 3


def test_old_records_have_a_version_and_keep_their_names() -> None:
    accepted = numerics.declared().undeclared
    (source, *_), (code, *_) = accepted["source_sha256"]["sgld"], accepted["code_sha256"]
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


def test_changed_goldens_are_named_with_expected_and_actual_values() -> None:
    before = kept(count=golden(1, 2), noise=golden(*NUMBERS, tolerance=1e-6), old=golden(1))
    changed = {"count": golden(1, 3), "noise": golden(*NUMBERS + 1e-3, tolerance=1e-6)}
    assert acceptance.moved(changed | {"new": golden(1)}, before, "here") == [
        "old: missing",
        "count: number 1: expected 2.0 ± 0, got 3.0",
        "noise: number 0: expected -3.0 ± 1e-06, got -2.999",
        f"new{NEW}",
    ]
    other = {"count": golden(1), "noise": golden(*NUMBERS, tolerance=1e-6), "old": golden(1)}
    assert acceptance.moved(other, before, "here") == ["count: expected shape [2], got [1]"]


@pytest.mark.parametrize("index", [0, 1, 500, 998])
def test_a_change_of_any_number_is_detected(index: int) -> None:
    before = kept(noise=golden(*NUMBERS, tolerance=1e-6))
    numbers = NUMBERS.copy()
    numbers[index] += 1e-3
    (line,) = acceptance.moved({"noise": golden(*numbers, tolerance=1e-6)}, before, "elsewhere")
    assert line.startswith("noise: ")


def test_one_ulp_is_detected_only_in_an_environment_with_stored_digests() -> None:
    before = kept(noise=golden(*NUMBERS, tolerance=1e-6), count=golden(7))
    numbers = NUMBERS.copy()
    numbers[500] = np.nextafter(numbers[500], 9)
    found = {"noise": golden(*numbers, tolerance=1e-6), "count": golden(7)}
    (line,) = acceptance.moved(found, before, "here")
    assert line == "noise: not bitwise identical, in an environment with stored digests"
    assert acceptance.moved(found, before, "elsewhere") == []


def test_digests_of_another_environment_are_added_and_values_stay() -> None:
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


def test_code_is_accepted_only_if_goldens_hold_and_cover_every_line(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"noise": golden(*NUMBERS, tolerance=1e-6)}
    monkeypatch.setattr(acceptance, "read", lambda: kept(acceptance.environment(), **found))
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    monkeypatch.setattr(acceptance, "_measure", lambda: (found, ["noise.py line 7"]))
    with pytest.raises(BdlbenchError, match=r"the goldens do not cover noise\.py line 7; extend"):
        acceptance.accept()
    changed = {"noise": golden(*NUMBERS + 1, tolerance=1e-6)}
    monkeypatch.setattr(acceptance, "_measure", lambda: (changed, []))
    with pytest.raises(BdlbenchError, match=r"1 goldens changed: noise: number 0: expected"):
        acceptance.accept()
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before
    assert acceptance.accept(raised=True) == str(numerics.declared().version + 1)
    monkeypatch.setattr(acceptance, "_measure", lambda: (found, []))
    assert acceptance.accept() == str(numerics.declared().version)
