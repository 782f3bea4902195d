from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
from pathlib import Path

import pytest

from bdlbench import registry
from bdlbench.errors import PluginError
from bdlbench.settings import Setting, Spec, fields, parse

MINE = '''"""A plugin file."""
from dataclasses import dataclass, field

from bdlbench import register


@register("mine")
@dataclass(frozen=True)
class Mine:
    """Yield the initial state."""

    rate: float = 0.5
    steps: int | None = None

    def __post_init__(self):
        if not self.rate > 0:
            raise ValueError(f"expected rate > 0, got {self.rate}")

    def sample(self, problem, rng):
        yield problem.init(rng)
'''


def plugin_file(folder: Path, source: str = MINE, name: str = "mine.py") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(source, "utf-8")
    return str(folder / name)


def load_error(reference: str) -> str:
    with pytest.raises(PluginError) as caught:
        registry.load("samplers", reference)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"mine"', '"Mine"', "expected a name such as my-sampler, got @register('Mine')"),
        ('"mine"', '"my_sampler"', "expected a name such as my-sampler, got"),
        ('"mine"', '""', "expected a name such as my-sampler, got @register('')"),
        ("(frozen=True)", "", "mine: expected a frozen dataclass; put @dataclass(frozen=True)"),
        ("@dataclass(frozen=True)\n", "", "mine: expected a frozen dataclass; put @dataclass"),
        ("float = 0.5", "float", "mine: setting rate needs a default value"),
        ("= 0.5", "= field(default_factory=float)", "mine: setting rate needs a default value"),
        ("float = 0.5", "list = None", "mine: expected rate to be bool, int, float or str"),
        ("float = 0.5", "int | float = 1", "mine: expected rate to be bool, int, float or str"),
        ("problem, rng", "problem", "mine: expected sample() to take self and 2 more"),
        ("problem, rng", "problem, rng, k", "mine: expected sample() to take self and 2 more"),
        ("def sample", "def smaple", "mine: expected a method sample(self, problem, rng)"),
        ("def sample(self, problem", "def load(self", "mine: expected load() to take self and 2"),
        (
            "def sample",
            "def load",
            "expected one sampler, a class under @register with sample(), got 0",
        ),
        ("rate: float", "rate: flaot", "cannot be loaded, line 7: NameError: name 'flaot'"),
        ("problem, rng", "problem rng", "cannot be loaded, line 19: SyntaxError: invalid syntax"),
        (
            '"""A',
            'raise RuntimeError("no GPU")\n"""A',
            "cannot be loaded, line 1: RuntimeError: no GPU",
        ),
        ('"""A', 'raise SystemExit(3)\n"""A', "cannot be loaded, line 1: SystemExit: 3"),
        (
            '@register("mine")',
            "",
            "expected one sampler, a class under @register with sample(), got 0",
        ),
        (
            "@register",
            MINE.replace("Mine", "Other") + "@register",
            "expected one sampler, a class under @register with sample(), got 2",
        ),
        ('"mine"', '"sgd"', "'sgd' is provided by bdlbench (bdlbench_samplers.sgd:SGD); choose"),
    ],
)
def test_an_invalid_plugin_file_is_a_one_line_error(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in MINE
    found = load_error(path := plugin_file(tmp_path, MINE.replace(old, new, 1)))
    assert found.startswith(f"{path}: {message}")
    assert "\n" not in found


@pytest.mark.parametrize("name", ["missing.py", "folder.py"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.py").mkdir()
    assert load_error(str(tmp_path / name)).startswith(f"{tmp_path / name}: no such file; give")


def test_ctrl_c_is_not_reported_as_a_broken_plugin(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        registry.load("samplers", plugin_file(tmp_path, "raise KeyboardInterrupt"))


def test_imported_plugins_do_not_count_as_those_of_the_file(tmp_path: Path) -> None:
    borrowed = "from bdlbench import registry\nSGD = registry.load('samplers', 'sgd')\n"
    plugin = registry.load("samplers", plugin_file(tmp_path, MINE + borrowed))
    assert plugin.__name__ == "Mine"


def test_files_of_the_same_name_are_separate_modules(tmp_path: Path) -> None:
    paths = [
        plugin_file(tmp_path / "a"),
        plugin_file(tmp_path / "b", MINE.replace("rate: float = 0.5", "pace: float = 2.0")),
    ]
    first, second = (registry.load("samplers", path) for path in paths)
    assert (list(fields(first)), list(fields(second))) == (["rate", "steps"], ["pace", "steps"])
    assert first.__module__ != second.__module__
    assert "mine" not in sys.modules
    digests = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths]
    assert [registry.source_digest(plugin) for plugin in (first, second)] == digests
    assert digests[0] != digests[1]


def test_an_edited_file_is_reloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = Path(plugin_file(tmp_path))
    before = registry.load("samplers", str(path))
    digest, stat = registry.source_digest(before), path.stat()
    plugin_file(tmp_path, MINE.replace("0.5", "0.7"))  # same size, same second
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = registry.load("samplers", str(path))
    assert (registry.configure(before, {}).rate, registry.configure(after, {}).rate) == (0.5, 0.7)
    assert registry.source_digest(after) != digest


KNOWN = ", ".join(registry.names("datasets"))


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (
            "samplers",
            "sglld",
            "no sampler 'sglld'; did you mean sgld? (see `bdlbench list samplers`)",
        ),
        ("samplers", "xyz", "no sampler 'xyz' (see `bdlbench list samplers`)"),
        (
            "datasets",
            "mnits",
            "no data set 'mnits'; did you mean mnist? (see `bdlbench list datasets`)",
        ),
    ],
)
def test_an_unknown_name_suggests_the_closest(kind: str, name: str, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        registry.load(kind, name)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rat": "1"}, "mine: no setting 'rat'; did you mean rate? (available: rate, steps)"),
        ({"rate": "fast"}, "mine: rate: expected a number, got 'fast'"),
        ({"steps": "1.5"}, "mine: steps: expected an integer, got '1.5'"),
        ({"rate": "-1"}, "mine: expected rate > 0, got -1.0"),
    ],
)
def test_an_invalid_setting_is_a_one_line_error(
    tmp_path: Path, settings: dict[str, str | Setting], message: str
) -> None:
    with pytest.raises(PluginError) as caught:
        registry.configure(registry.load("samplers", plugin_file(tmp_path)), settings)
    assert str(caught.value) == message


def test_the_users_settings_override_those_of_the_task(tmp_path: Path) -> None:
    spec = parse(plugin_file(tmp_path) + ":rate=3")
    created = registry.create("samplers", spec, {"rate": 2.0, "steps": 7})
    assert dataclasses.asdict(created) == {"rate": 3.0, "steps": 7}
    assert registry.create("samplers", Spec(spec.reference), {"rate": 2.0}).rate == 2.0
