"""Plugin files as modules, with the modules beside them that they import."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

PREFIX = "bdlbench_file_"  # of the names of the modules


def execute(path: Path) -> ModuleType:
    """Execute a file as a module that can import its neighbours, as a script can.

    The neighbours are executed anew, and forgotten: files in two folders may have equal names.
    """
    # Dataclasses look up their module in sys.modules, hence a name that is unique to the path.
    name = PREFIX + hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    # Not exec_module(): cached bytecode is stale for a file edited twice within a second.
    source = path.read_bytes()
    with _importable({file.relative_to(path.resolve().parent) for file in neighbours(path)}, path):
        exec(compile(source, str(path), "exec"), vars(module))
    return module


def neighbours(path: Path) -> list[Path]:
    """Return the files beside a file that it imports, directly or not; packages are whole."""
    folder = path.resolve().parent
    if str(folder) in {str(Path(found).resolve()) for found in sysconfig.get_paths().values()}:
        return []  # an installed module
    found: set[Path] = set()
    left = [path.resolve()]
    while left:
        for name in _imports(left.pop()):
            own = folder / f"{name}.py"
            package = sorted((folder / name).rglob("*.py")) if _is_package(folder / name) else []
            new = {*package, *([own] if own.is_file() else [])} - found - {path.resolve()}
            found |= new
            left += new
    return sorted(found)


def digest(path: Path) -> str:
    """Return the SHA-256 of a plugin file, in hexadecimal; with neighbours, of all of them."""
    own = hashlib.sha256(path.read_bytes())
    for file in neighbours(path):
        name = file.relative_to(path.resolve().parent).as_posix()
        own.update(f"\0{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return own.hexdigest()


def _is_package(folder: Path) -> bool:
    return folder.name != "bdlbench" and (folder / "__init__.py").is_file()


def _imports(path: Path) -> Iterator[str]:
    """Yield the first parts of the names of the modules that a file imports."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # which its execution reports
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


@contextmanager
def _importable(files: set[Path], path: Path) -> Iterator[None]:
    """Let files of a folder be imported; afterwards the loaded modules are those of before."""
    if not files:
        yield
        return
    names = {file.parts[0].removesuffix(".py") for file in files}
    before, caching = _loaded(names), sys.dont_write_bytecode
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()  # the files may be a second old
    try:
        for name in before:
            del sys.modules[name]
        yield
    finally:
        for name in _loaded(names):
            del sys.modules[name]
        sys.modules.update(before)
        sys.path.remove(folder)
        sys.dont_write_bytecode = caching


def _loaded(names: set[str]) -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] in names}
