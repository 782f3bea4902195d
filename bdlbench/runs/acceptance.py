"""Compare the numerical code with the goldens, and accept changes that reproduce them."""

from __future__ import annotations

import ast
import os
import pickle
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from bdlbench.errors import BdlbenchError
from bdlbench.runs import numerics
from bdlbench.runs.machine import instructions, processor_family
from bdlbench.runs.rounding import Golden, Summary
from bdlbench.storage.documents import parse, to_json
from bdlbench.storage.files import write_file

GOLDENS = Path(__file__).with_name("goldens.json")
EVERYWHERE = "everywhere"  # key of digests that are the same on every processor
SHOWN = 10  # largest number of changed goldens in a message
NEW = ": new, not yet accepted"
_NOT_RUN = (  # lines that the goldens need not cover
    *(r"\braise\b", r"if TYPE_CHECKING:", r"^\s*(\.\.\.|pass)$", r"pragma: no cover"),
    *(
        r"@(n?jit|compiled)",
        r"@intrinsic",
    ),  # compiled, and so invisible to coverage
)
_MEASURE = """
import pickle, sys
import coverage
files, excluded, target = pickle.loads(sys.stdin.buffer.read())
watch = coverage.Coverage(include=files, data_file=None, config_file=False)
for pattern in excluded:
    watch.exclude(pattern)
watch.start()
from bdlbench.runs.goldens import compute
found = compute()
watch.stop()
missing = {file: watch.analysis2(file)[3] for file in files}
with open(target, "wb") as file:
    pickle.dump((found, missing), file)
"""


@dataclass(frozen=True)
class Kept:
    """The stored goldens.

    Args:
        goldens: Summaries by name.
        digests: Digest of all bits, by environment and name.
    """

    goldens: dict[str, Summary]
    digests: dict[str, dict[str, str]]


def read() -> Kept:
    """Load the stored goldens."""
    content = parse(GOLDENS.read_bytes())
    goldens = {name: Summary(**golden) for name, golden in content["goldens"].items()}
    return Kept(goldens, content["digests"])


def environment() -> str:
    """Describe what bitwise results depend on: processor, instruction set and libraries."""
    libraries = ("torch", "numpy", "scipy", "scikit-learn", "jax", "jaxlib", "numpyro", "numba")
    processor = " ".join([platform.machine(), processor_family(), instructions()])
    return ", ".join([processor, *(f"{name} {version(name)}" for name in libraries)])


def moved(found: Mapping[str, Golden], kept: Kept, where: str) -> list[str]:
    """Describe the goldens that changed, one line each.

    Args:
        found: Goldens of the current code.
        kept: The stored goldens.
        where: The environment of `found`.
    """
    lines = [f"{name}: missing" for name in kept.goldens if name not in found]
    for name, golden in found.items():
        if name not in kept.goldens:
            lines.append(name + NEW)
            continue
        change = kept.goldens[name].difference(golden.summary())
        digest = kept.digests.get(_where(golden, where), {}).get(name) if golden.bits else None
        if not change and digest not in (None, golden.digest()):
            change = "not bitwise identical, in an environment with stored digests"
        if change:
            lines.append(f"{name}: {change}")
    return lines


def check() -> list[str]:
    """Compute the goldens with the current code, and describe those that changed."""
    from bdlbench.runs.goldens import compute

    return moved(compute(), read(), environment())


def accept(raised: bool = False) -> str:
    """Accept the current code as the current numerics version, or as a new one.

    Args:
        raised: Declare a new version, even if goldens changed.

    Returns:
        The version.

    Raises:
        BdlbenchError: Goldens changed, or do not cover every line; nothing is written.
    """
    found, missing = _measure()
    known, kept, where = numerics.declared(), read(), environment()
    lines = [] if raised else [line for line in moved(found, kept, where) if not line.endswith(NEW)]
    if lines:
        more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
        raise BdlbenchError(
            f"{len(lines)} goldens changed: {'; '.join(lines[:SHOWN])}{more}; undo the change, or "
            "declare a new numerics version with --raise"
        )
    if missing:
        raise BdlbenchError(
            f"the goldens do not cover {', '.join(missing)}; extend runs/goldens.py"
        )
    core, samplers = numerics.core_files(), numerics.sampler_files()
    declared = replace(
        known,
        version=known.version + raised,
        core={numerics.name_of(path): numerics.digest_of(path) for path in core},
        samplers={numerics.name_of(path): numerics.digest_of(path) for path in samplers},
        files={numerics.name_of(path): numerics.file_digest(path) for path in (*core, *samplers)},
    )
    write_file(GOLDENS, to_json(asdict(_keep(found, None if raised else kept, where))))
    write_file(numerics.DECLARED, to_json(asdict(declared)))
    return str(declared.version)


def _keep(found: Mapping[str, Golden], before: Kept | None, where: str) -> Kept:
    """Return the goldens to store: values as first recorded, digests of the current ones."""
    values = {name: golden.summary() for name, golden in found.items()}
    digests: dict[str, dict[str, str]] = {}
    if before is not None:
        values, digests = values | before.goldens, dict(before.digests)
    for name, golden in found.items():
        if not golden.bits:
            continue
        key = _where(golden, where)
        digests[key] = {**digests.get(key, {}), name: golden.digest()}
    return Kept(values, digests)


def _measure() -> tuple[dict[str, Golden], list[str]]:
    """Compute the goldens, and list the lines of the numerical code that they do not cover."""
    if find_spec("coverage") is None:
        raise BdlbenchError("measuring the goldens' coverage needs pip install 'bdlbench[dev]'")
    files = [str(path) for path in (*numerics.core_files(), *numerics.sampler_files())]
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "found")
        # In a separate process, so that lines executed at import are covered.
        subprocess.run(
            [sys.executable, "-c", _MEASURE],
            input=pickle.dumps((files, _NOT_RUN, target)),
            check=True,
            cwd=Path(__file__).parents[1],
            env=os.environ | {"COVERAGE_CORE": "ctrace"},
        )
        found, missing = pickle.loads(Path(target).read_bytes())
    left = {file: sorted({*lines} - _error_lines(Path(file))) for file, lines in missing.items()}
    return found, [
        f"{Path(file).name} line {', '.join(map(str, lines))}"
        for file, lines in left.items()
        if lines
    ]


def _error_lines(path: Path) -> set[int]:
    """Return the lines of all branches that end in a raise: they compute no results."""
    numbers: set[int] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.If | ast.ExceptHandler) and isinstance(node.body[-1], ast.Raise):
            first = node if isinstance(node, ast.ExceptHandler) else node.body[0]
            numbers.update(range(first.lineno, node.body[-1].lineno + 1))
    return numbers


def _where(golden: Golden, where: str) -> str:
    return where if golden.tolerance else EVERYWHERE


def report(told: Sequence[str]) -> list[str]:
    """Format the numerics version and the modules that are not accepted, followed by `told`."""
    changed = numerics.unaccepted()
    lines = [f"numerics version {numerics.version()}"]
    if changed:
        lines.append(f"not accepted: {', '.join(changed)}")
    return [*lines, *told]
