from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bdlbench import descriptions, registry
from bdlbench.errors import PluginError
from bdlbench.settings import Spec, coerce, fields, parse
from tests.processes import WAIT

REPOSITORY = Path(__file__).parents[1]
MINE = '''
from dataclasses import dataclass
from bdlbench import register

@register("mine")
@dataclass(frozen=True)
class Mine:
    """Yield nothing."""

    def sample(self, problem, rng):
        yield
'''
INSTALLED = [(kind, name) for kind in registry.KINDS for name in registry.names(kind)]


@pytest.mark.parametrize(("kind", "name"), INSTALLED)
def test_installed_plugins_have_a_summary(kind: str, name: str) -> None:
    plugin = registry.load(kind, name)
    says, settings = descriptions.summary(kind, name)
    assert says.endswith(".")
    assert says == (plugin.__doc__ or "").partition("\n")[0]
    types = fields(plugin)
    given = {key: coerce(value, types[key]) for key, value in parse(f"_:{settings}").settings}
    assert given == dataclasses.asdict(registry.create(kind, Spec(name)))


@pytest.mark.parametrize(("kind", "name"), INSTALLED)
def test_settings_of_installed_plugins_can_be_given_as_text(kind: str, name: str) -> None:
    default = registry.create(kind, Spec(name))
    pairs = tuple((key, str(value)) for key, value in dataclasses.asdict(default).items())
    assert registry.create(kind, parse(str(Spec(name, pairs)))) == default
    with pytest.raises(dataclasses.FrozenInstanceError):
        default.plugin_name = "another"


def install(folder: Path, package: str, name: str, module: str, source: str = MINE) -> None:
    """Create the files that `pip install` creates for a package with one sampler."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[bdlbench.samplers]\n{name} = {module}:Mine\n")
    (folder / f"{module}.py").write_text(source, "utf-8")


def load_error(reference: str) -> str:
    with pytest.raises(PluginError) as caught:
        registry.load("samplers", reference)
    return str(caught.value)


def test_an_installed_package_is_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "found", "mine", "found_sampler")
    monkeypatch.syspath_prepend(tmp_path)
    assert "mine" in registry.names("samplers")
    assert "found_sampler" not in sys.modules, "found without an import"
    assert registry.load("samplers", "mine").__module__ == "found_sampler"


def test_two_packages_with_one_name_are_both_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("acme", "emca"):
        install(tmp_path / package, package, "mine", f"{package}_sampler")
        monkeypatch.syspath_prepend(tmp_path / package)
    assert load_error("mine") == (
        "mine: acme (acme_sampler:Mine) and emca (emca_sampler:Mine) both provide it; "
        "uninstall one of them"
    )
    install(tmp_path / "usurper", "usurper", "sgd", "usurper_sampler")
    monkeypatch.syspath_prepend(tmp_path / "usurper")
    assert "bdlbench (bdlbench_samplers.sgd:SGD) and usurper (usurper" in load_error("sgd")


@pytest.mark.parametrize(
    ("module", "source", "message"),
    [
        ("other_name", MINE.replace("mine", "yours"), 'is not a class under @register("mine")'),
        ("no_class", "", "AttributeError: module 'no_class' has no attribute 'Mine'"),
        ("not_a_class", "Mine = 3", 'is not a class under @register("mine")'),
        ("raises", "1 / 0", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("exits", "raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
        ("data", MINE.replace("sample(", "load("), "expected one of the samplers, with sample()"),
    ],
)
def test_a_broken_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, source: str, message: str
) -> None:
    install(tmp_path, "broken", "mine", module, source)
    monkeypatch.syspath_prepend(tmp_path)
    assert re.match(rf"mine: .*{re.escape(message)}", load_error("mine"))


def python(code: str, folder: Path) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=WAIT)
    assert not done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import bdlbench, bdlbench.commands.main",
        "from bdlbench.commands.listing import render; render('samplers'), render('datasets')",
    ],
)
def test_help_and_listing_do_not_wait_for_heavy_imports(tmp_path: Path, code: str) -> None:
    heavy = ["joblib", "matplotlib", "numpy", "pandas", "pooch", "scipy", "sklearn", "torch"]
    plugins = ["bdlbench_samplers.sgd", "bdlbench_datasets.digits"]
    found = f"[name for name in {heavy + plugins} if name in sys.modules]"
    assert python(f"import sys\n{code}\nprint({found})", tmp_path) == "[]"


@pytest.mark.parametrize("name", ["datasets", "samplers"])
def test_the_plugin_folders_hide_no_package_of_that_name(tmp_path: Path, name: str) -> None:
    spec = f"importlib.util.find_spec({name!r})"
    code = f"import importlib.util\nprint(*getattr({spec}, 'submodule_search_locations', []))"
    assert str(REPOSITORY / name) not in python(code, tmp_path)
    (tmp_path / f"{name}.py").write_text("print('another')")
    assert python(f"import bdlbench, {name}", tmp_path) == "another"
