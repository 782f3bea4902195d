"""Plugin files that import the files beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bdlbench import registry
from bdlbench.comparison.result import Comparison
from bdlbench.errors import PluginError
from bdlbench.plugin_files import digest, neighbours

MINE = '''
from dataclasses import dataclass
import tools.scale
from bdlbench import register
from helpers import RATE


@register("mine")
@dataclass(frozen=True)
class Mine:
    """Yield the initial state, scaled."""

    rate: float = RATE

    def sample(self, problem, rng):
        yield problem.init(rng) * tools.scale.FACTOR
'''


def write(folder: Path, rate: float = 0.5, mine: str = MINE) -> str:
    (folder / "tools").mkdir(parents=True, exist_ok=True)
    (folder / "tools" / "__init__.py").touch()
    (folder / "tools" / "scale.py").write_text("FACTOR = 1.0\n")
    (folder / "helpers.py").write_text(f"import deeper\nRATE = {rate}\n")
    (folder / "deeper.py").write_text("import torch\n")
    (folder / "unused.py").write_text("1 / 0\n")
    path = folder / "mine.py"
    path.write_text(mine)
    return str(path)


def rate(path: str) -> float:
    value: float = registry.load("samplers", path)().rate
    return value


def test_each_file_has_the_neighbours_of_its_own_folder(tmp_path: Path) -> None:
    before = {*sys.modules}, list(sys.path)
    first, second = write(tmp_path / "a", 0.1), write(tmp_path / "b", 0.2)
    assert (rate(first), rate(second), rate(first)) == (0.1, 0.2, 0.1)
    write(tmp_path / "a", 0.3)
    assert rate(first) == 0.3, "an edit within a second is seen"
    assert sys.path == before[1]
    assert not {"helpers", "tools", "tools.scale", "deeper"} & {*sys.modules} - before[0]


def test_a_module_of_the_same_name_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = object()
    monkeypatch.setitem(sys.modules, "helpers", other)
    assert rate(write(tmp_path, 0.25)) == 0.25
    assert sys.modules["helpers"] is other


def test_the_digest_changes_with_a_neighbour_that_is_imported(tmp_path: Path) -> None:
    path = Path(write(tmp_path))
    names = [file.relative_to(tmp_path).as_posix() for file in neighbours(path)]
    assert names == ["deeper.py", "helpers.py", "tools/__init__.py", "tools/scale.py"]
    plugin, first = registry.load("samplers", str(path)), digest(path)
    assert registry.source_digest(plugin) == first
    (tmp_path / "unused.py").write_text("2 / 0\n")
    assert digest(path) == first
    (tmp_path / "deeper.py").write_text("import math\n")
    assert digest(path) != first


def test_another_process_finds_the_neighbours(
    tmp_path: Path, compare: Callable[..., Comparison]
) -> None:
    (row,) = compare([write(tmp_path / "mine")], tmp_path / "results").rows
    assert row.outcomes == {"completed": 1}


@pytest.mark.parametrize(
    ("helpers", "message"),
    [
        ("\n1 / 0\n", r"mine\.py: cannot be loaded \(helpers\.py, line 2\): ZeroDivisionError: "),
        ("RAT = 1\n", r"mine\.py: cannot be loaded, line 5: ImportError: cannot import name 'RATE"),
    ],
)
def test_an_error_while_loading_names_its_line(tmp_path: Path, helpers: str, message: str) -> None:
    path = write(tmp_path)
    (tmp_path / "helpers.py").write_text(helpers)
    with pytest.raises(PluginError, match=message):
        registry.load("samplers", path)
    assert "helpers" not in sys.modules
