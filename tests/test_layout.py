"""Layers: which modules may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bdlbench"
ORDER = (  # each imports only from those before it
    *(
        "errors",
        "settings",
        "plugin_errors",
        "plugin_files",
        "registry",
        "at_hand",
        "descriptions",
        "storage",
        "noise",
        "optim",
        "data",
        "posterior",
        "problem",
    ),
    *(
        "problem",
        "adapters",
        "hamiltonian",
        "records",
        "metrics",
        "runs",
        "execution",
        "reference",
        "checks",
        "peers",
    ),
    *("comparison", "leaderboard", "verification", "site", "study", "commands"),
    *("likelihoods", "models", "fidelity", "__init__", "__main__"),
)
# Plugin files are loaded by path, and import what a user's do.
MODULES = sorted({*PACKAGE.rglob("*.py")} - {*PACKAGE.glob("peers/plugins/*.py")})


def place(module: str) -> str:
    """Return the package or top-level module that a module belongs to."""
    return [*module.split("."), "__init__"][1]


def name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of bdlbench that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("bdlbench"))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if (node.module or "").partition(".")[0] == "bdlbench":
                for alias in node.names:
                    whole = PACKAGE.parent / f"{node.module}.{alias.name}".replace(".", "/")
                    is_module = whole.with_suffix(".py").exists() or whole.is_dir()
                    yield f"{node.module}.{alias.name}" if is_module else str(node.module)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_imports_only_from_layers_above_it(path: Path) -> None:
    own = ORDER.index(place(name(path)))
    below = [found for found in imports(path) if ORDER.index(place(found)) > own]
    assert not below, f"{name(path)} imports {', '.join(below)}"


def test_there_are_no_import_cycles() -> None:
    graph = {name(path): set(imports(path)) for path in MODULES}
    left = dict(graph)
    while free := [module for module, needs in left.items() if not needs & left.keys() - {module}]:
        for module in free:
            del left[module]
    assert not left, f"import cycle of {', '.join(sorted(left))}"
