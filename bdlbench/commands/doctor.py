"""The environment for a bug report: versions, machine, data, results, plugins."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch

from bdlbench import registry
from bdlbench.data.cifar import CifarFiles
from bdlbench.data.download import Probe
from bdlbench.data.examples import search_folders
from bdlbench.data.idx import IdxFiles
from bdlbench.errors import BdlbenchError
from bdlbench.records import store
from bdlbench.runs import machine, numerics
from bdlbench.runs.machine import instructions, processor, processor_family

PACKAGES = (
    *("bdlbench", "torch", "numpy", "scipy", "jax", "numpyro", "numba", "joblib"),
    *("distributed", "ray"),
)


def examine(results: Path, data_dir: Path | None) -> Iterator[str]:
    """Yield the lines of a report on the environment."""
    yield f"python       {platform.python_version()} on {platform.platform()}"
    yield from (f"{name:<12} {_version(name)}" for name in PACKAGES)
    yield f"instructions {instructions()}; {processor_family() or 'unknown processor family'}"
    yield f"numerics     version {numerics.version()}"
    memory = psutil.virtual_memory()
    yield f"processor    {processor()}, {machine.cores()} of {os.cpu_count()} cores available"
    yield f"memory       {memory.total / 1e9:.1f} GB, {memory.available / 1e9:.1f} GB available"
    yield f"threads      {torch.get_num_threads()} in torch by default; a run uses 1"
    yield from _devices()
    yield from _data(data_dir)
    yield _results(results)
    yield from _plugins()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _devices() -> Iterator[str]:
    yield "device       cpu"
    for index in range(torch.cuda.device_count()):
        yield f"device       cuda:{index}, {torch.cuda.get_device_name(index)}"


def _data(data_dir: Path | None) -> Iterator[str]:
    try:
        folders = search_folders(data_dir)
    except BdlbenchError as error:
        yield f"data         {error}"
        return
    for folder in folders:
        if not folder.is_dir():
            yield f"data         {folder}: not found"
            continue
        files = sorted(path for path in folder.glob("*/raw/*") if path.is_file())
        listed = [f"{path.relative_to(folder)} ({path.stat().st_size:,} B)" for path in files]
        yield f"data         {folder}: {', '.join(listed) or 'no data set'}"
    yield from _missing(folders)


def _missing(folders: Sequence[Path]) -> Iterator[str]:
    """Report the files that are not on disk, and whether their mirrors answer."""
    probes = []
    for name in registry.names("datasets"):
        with suppress(BdlbenchError):  # a broken plugin is reported below
            files = getattr(registry.load("datasets", name), "files", None)
            if isinstance(files, IdxFiles | CifarFiles) and (absent := files.missing(folders)):
                yield f"missing      {name}: {', '.join(absent)}"
                probes += [Probe(mirror + absent[0]) for mirror in files.mirrors]
    for probe in probes:
        yield f"mirror       {probe.url}: {probe.failure() or 'answers'}"


def _results(results: Path) -> str:
    outcomes = Counter(
        "unreadable" if record is None else record.outcome for _, record in store.read_all(results)
    )
    counted = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()))
    try:
        store.check_writable(results)
        writable = "writable" if results.exists() else "not created yet"
    except BdlbenchError as error:
        writable = str(error)
    return f"results      {results}: {counted or 'no runs'}; {writable}"


def _plugins() -> Iterator[str]:
    for kind in registry.KINDS:
        loaded = []
        for name in registry.names(kind):
            try:
                registry.load(kind, name)
                loaded.append(name)
            except BdlbenchError as error:
                yield f"{kind:<12} {error}"
        yield f"{kind:<12} {len(loaded)} loaded: {', '.join(loaded)}"
