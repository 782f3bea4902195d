"""The numerics version: the version of all code that determines a run's numbers.

The version is declared in ``numerics.json``, with digests of the accepted code. Code with another
digest has a local version such as ``2+ab12cd34``, and its runs are on separate boards.
``bdlbench numerics --accept`` accepts code that reproduces the goldens (`bdlbench.runs.goldens`).
The digests ignore comments, docstrings and layout.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bdlbench import registry
from bdlbench.records.record import Configuration, Sampler
from bdlbench.storage import documents

CORE = (  # modules that draws and predictions depend on, besides the sampler's
    *("noise", "optim", "problem", "data.scaler", "hamiltonian.budgeted", "hamiltonian.kernels"),
    *("metrics.functions", "posterior.backward", "posterior.jax_callback"),
    *("posterior.jax_layers", "posterior.jax_likelihoods", "posterior.layers"),
    *("posterior.likelihoods", "posterior.minibatches", "posterior.models"),
    *("posterior.network", "posterior.potential"),
    *("posterior.regression", "posterior.resnet", "posterior.sites", "posterior.to_jax"),
    *("records.quantization", "runs.evaluate"),
)
PACKAGE = Path(__file__).parents[1]
BUILT_IN = "bdlbench_samplers."  # package of the built-in samplers
DECLARED = Path(__file__).with_name("numerics.json")


@dataclass(frozen=True)
class Declared:
    """The declared version and the accepted code.

    Args:
        version: The numerics version.
        core: Code digest of each core module.
        samplers: Code digest of each built-in sampler, by module.
        files: SHA-256 of each accepted file; an unchanged file need not be parsed.
        undeclared: Digests by which old records, without a numerics version, are assigned to one:
            ``code_sha256`` of the core, and ``source_sha256`` of samplers by name.
    """

    version: int
    core: dict[str, str]
    samplers: dict[str, str]
    files: dict[str, str]
    undeclared: dict[str, Any]


@dataclass(frozen=True)
class Identity:
    """The code that determines a sampler's numbers.

    Args:
        numerics: The numerics version.
        source_sha256: SHA-256 of the sampler's file; empty for a built-in sampler, which the
            numerics version covers.
    """

    numerics: str
    source_sha256: str

    @property
    def local(self) -> bool:
        """Whether the code is not of a declared version."""
        return "+" in self.numerics


@cache
def declared() -> Declared:
    """Load ``numerics.json``."""
    return Declared(**documents.parse(DECLARED.read_bytes()))


def identify(plugin: type) -> Identity:
    """Return the identity of a sampler class with the current code."""
    if is_built_in(plugin.__module__):
        return Identity(version(*_modules(plugin)), "")
    return Identity(version(), registry.source_digest(plugin))


def identity_of(sampler: Sampler, made: Configuration) -> Identity:
    """Return the identity of a sampler from its run's record."""
    source = sampler.source_sha256
    if made.numerics is not None:
        return Identity(made.numerics, source)
    accepted, code = declared().undeclared, str(made.code_sha256)
    numerics = str(made.protocol)
    if code not in accepted["code_sha256"]:
        numerics += f"+{code[:8]}"
    known = source in accepted["source_sha256"].get(sampler.name, ())
    return Identity(numerics, "" if known else source)


def is_built_in(module: str) -> bool:
    """Return whether the module belongs to a built-in sampler."""
    return module.startswith(BUILT_IN)


def _modules(plugin: type) -> list[str]:
    """Return the module of a built-in sampler and those of the samplers that it uses."""
    values = vars(sys.modules[plugin.__module__]).values()
    names = {value.__module__ for value in values if isinstance(value, type)}
    return sorted(name.removeprefix(BUILT_IN) for name in names if is_built_in(name))


@cache
def version(*samplers: str) -> str:
    """Return the version of the current code: ``2``, or ``2+ab12cd34`` if it is not accepted.

    Args:
        samplers: Modules of a built-in sampler, without the package; none for other plugins.
    """
    known, core, own = declared(), digests(core_files()), {}
    if samplers:
        current = digests(sampler_files())
        own = {name: current[name] for name in samplers}
    if core == known.core and own.items() <= known.samplers.items():
        return str(known.version)
    content = json.dumps([core, own], sort_keys=True).encode()
    return f"{known.version}+{hashlib.sha256(content).hexdigest()[:8]}"


def unaccepted() -> list[str]:
    """Return the names of the modules that differ from the accepted code."""
    accepted = declared().core | declared().samplers
    current = digests(core_files()) | digests(sampler_files())
    names = accepted.keys() | current.keys()
    return sorted(name for name in names if current.get(name) != accepted.get(name))


def digests(paths: Sequence[Path]) -> dict[str, str]:
    """Return the code digest of each file, by module."""
    known = declared()
    accepted = known.core | known.samplers
    return {
        name: accepted[name]
        if name in accepted and file_digest(path) == known.files.get(name)
        else digest_of(path)
        for name, path in zip(map(name_of, paths), paths, strict=True)
    }


def name_of(path: Path) -> str:
    """Return the module's name without its package, such as ``posterior.models`` or ``sgld``."""
    inside = path.is_relative_to(PACKAGE)
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts) if inside else path.stem


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def core_files() -> list[Path]:
    """Return the files of the core modules."""
    return [PACKAGE / f"{name.replace('.', '/')}.py" for name in CORE]


def sampler_files() -> list[Path]:
    """Return the files of the built-in samplers."""
    spec = find_spec(BUILT_IN.rstrip("."))
    folders = (spec and spec.submodule_search_locations) or ()
    return sorted({path for folder in folders for path in Path(folder).glob("*.py")})


@cache
def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's code, ignoring comments, docstrings and layout."""
    digest = hashlib.sha256()
    for token in _tokens(ast.parse(path.read_bytes())):
        digest.update(token.encode() + b"\0")
    return digest.hexdigest()


def _tokens(node: Any) -> Iterator[str]:
    """Serialise a syntax tree; unlike `ast.dump`, independently of the Python version."""
    if isinstance(node, list):
        yield "["
        for item in node:
            yield from _tokens(item)
        yield "]"
    elif isinstance(node, ast.AST):
        yield type(node).__name__
        for name, value in ast.iter_fields(_without_docstring(node)):
            if value is not None and value != [] and name not in ("ctx", "kind"):
                yield name
                yield from _tokens(value)
        yield ")"
    else:
        yield repr(node)


def _without_docstring(node: ast.AST) -> ast.AST:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]
    return node
