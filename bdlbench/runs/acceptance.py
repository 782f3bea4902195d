"""Check the numerical code against the goldens, and accept changes that keep them."""

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
EVERYWHERE = "everywhere"  # of numbers that no processor rounds
SHOWN = 10  # of what moved
NEW = ": is new, and not yet accepted"
_NOT_RUN = (  # lines that no golden needs to run
    *(r"\braise\b", r"if TYPE_CHECKING:", r"^\s*(\.\.\.|pass)$", r"pragma: no cover"),
    *(r"@(n?jit|compiled)", r"@intrinsic"),  # no tracer sees them, and the goldens run them
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
        goldens: By name.
        digests: SHA-256 of all bits by name, for every environment that they were computed in.
    """

    goldens: dict[str, Summary]
    digests: dict[str, dict[str, str]]


def read() -> Kept:
    """Load the stored goldens."""
    content = parse(GOLDENS.read_bytes())
    goldens = {name: Summary(**golden) for name, golden in content["goldens"].items()}
    return Kept(goldens, content["digests"])


def environment() -> str:
    """Return the environment that bits depend on: processor, instructions and libraries."""
    libraries = ("torch", "numpy", "scipy", "scikit-learn", "jax", "jaxlib", "numpyro", "numba")
    found = [platform.machine(), processor_family(), instructions()]
    return ", ".join([" ".join(found), *(f"{name} {version(name)}" for name in libraries)])


def moved(found: Mapping[str, Golden], kept: Kept, where: str) -> list[str]:
    """Describe the goldens that changed.

    Args:
        found: Goldens as they are now.
        kept: What they should be.
        where: The environment in which they were found.
    """
    lines = [f"{name}: is gone" for name in kept.goldens if name not in found]
    for name, golden in found.items():
        if name not in kept.goldens:
            lines.append(name + NEW)
            continue
        told = kept.goldens[name].difference(golden.summary())
        bits = kept.digests.get(_where(golden, where), {}).get(name) if golden.bits else None
        if not told and bits not in (None, golden.digest()):
            told = "other bits, in an environment in which they must be the same"
        if told:
            lines.append(f"{name}: {told}")
    return lines


def check() -> list[str]:
    """Compute the goldens with the current code, and describe those that changed."""
    from bdlbench.runs.goldens import compute

    return moved(compute(), read(), environment())


def accept(raised: bool = False) -> str:
    """Declare the current code to be of the current version, or of the next.

    Args:
        raised: Declare a new version, whatever changed.

    Returns:
        The version.

    Raises:
        BdlbenchError: Goldens have moved, or they do not run every line of the code; nothing is
            declared.
    """
    found, missing = _measure()
    known, kept, where = numerics.declared(), read(), environment()
    told = [] if raised else [line for line in moved(found, kept, where) if not line.endswith(NEW)]
    if told:
        more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
        raise BdlbenchError(
            f"{len(told)} goldens have moved: {'; '.join(told[:SHOWN])}{more}; undo the change, or "
            "declare new numbers with --raise"
        )
    if missing:
        raise BdlbenchError(
            f"the goldens do not run {', '.join(missing)}; add what does to runs/goldens.py"
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
    """Return the goldens to store: values as first recorded, bits as computed now."""
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
    """Compute the goldens, and return the places in the numerical code that they do not run."""
    if find_spec("coverage") is None:
        raise BdlbenchError("to see which lines the goldens run, install bdlbench[dev]")
    files = [str(path) for path in (*numerics.core_files(), *numerics.sampler_files())]
    with tempfile.TemporaryDirectory() as space:
        target = str(Path(space) / "found")
        # A separate process, since lines that run at import count, too.
        subprocess.run(
            [sys.executable, "-c", _MEASURE],
            input=pickle.dumps((files, _NOT_RUN, target)),
            check=True,
            cwd=Path(__file__).parents[1],
            env=os.environ | {"COVERAGE_CORE": "ctrace"},
        )
        found, missing = pickle.loads(Path(target).read_bytes())
    left = {file: sorted({*lines} - _refusals(Path(file))) for file, lines in missing.items()}
    return found, [
        f"{Path(file).name} line {', '.join(map(str, lines))}"
        for file, lines in left.items()
        if lines
    ]


def _refusals(path: Path) -> set[int]:
    """Return the lines of all branches that end by raising an error: they give no numbers."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.If | ast.ExceptHandler) and isinstance(node.body[-1], ast.Raise):
            first = node if isinstance(node, ast.ExceptHandler) else node.body[0]
            found.update(range(first.lineno, node.body[-1].lineno + 1))
    return found


def _where(golden: Golden, where: str) -> str:
    return where if golden.tolerance else EVERYWHERE


def report(told: Sequence[str]) -> list[str]:
    """Return the current version and its unaccepted code, as lines."""
    here, changed = numerics.version(), numerics.unaccepted()
    lines = [f"numerics version {here}"]
    if changed:
        lines.append(f"not accepted: {', '.join(changed)}")
    return [*lines, *told]
