"""Say what a run was made with: versions and processor."""

from __future__ import annotations

import platform
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch


def published(file: str) -> list[Path]:
    """Return where a file of the results that bdlbench was published with may lie.

    Not importlib.resources, which cannot read a folder without code of an editable installation.
    Some installers make links to one copy of a package; what they lead to is trusted as it is.
    """
    spec = find_spec("bdlbench_results")
    folders = (spec and spec.submodule_search_locations) or ()
    return [(Path(folder) / file).resolve() for folder in folders]


def kept(results: Path, file: str) -> Path | None:
    """Return the path of a file of results, or None: the user's own, else the published one."""
    return next((path for path in (results / file, *published(file)) if path.exists()), None)


def environment(device: torch.device) -> dict[str, Any]:
    """Return versions, processor and threads, as they stand in a record."""
    gpu = {"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    return {
        "bdlbench": version("bdlbench"),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "jax": version("jax"),
        "numpyro": version("numpyro"),
        "numba": version("numba"),
        "system": platform.system(),
        "processor": processor(),
        "processor_family": processor_family(),
        "instructions": instructions(),
        "threads": torch.get_num_threads(),
        **gpu,
    }


def processor() -> str:
    """Return the processor's name."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def processor_family() -> str:
    """Return the processor's maker, family and model, where they are known.

    Machines that are for hire often call processors of several generations by one name.
    """
    info = _cpuinfo()
    return "-".join(info[key] for key in ("vendor_id", "cpu family", "model") if key in info)


def instructions() -> str:
    """Return the vector instructions that torch uses here, such as AVX2."""
    return torch.backends.cpu.get_cpu_capability()


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first, _, _ = path.read_text("utf-8", "replace").partition("\n\n")
    lines = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
