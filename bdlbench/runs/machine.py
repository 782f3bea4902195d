"""Devices, threads, peak memory and versions of this machine."""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from bdlbench.errors import BdlbenchError
from bdlbench.noise import add_normal_

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str) -> str:
    """Return ``cpu`` or ``cuda``; ``auto`` is the GPU if one is available.

    Raises:
        BdlbenchError: Unknown name, or no GPU is available.
    """
    if name not in DEVICES:
        raise BdlbenchError(f"expected --device {', '.join(DEVICES)}, got {name!r}")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise BdlbenchError(
            "torch finds no GPU; use --device cpu, or install a CUDA build of torch"
        )
    return name


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch to one thread within the context."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def warm_up() -> None:
    """Trigger the lazy imports and compilation of torch and numba, so that no run is charged."""
    torch.optim.SGD([torch.zeros(1)])
    for drift in (None, torch.zeros(1)):
        add_normal_(torch.zeros(1), 1.0, torch.Generator(), drift)


def reset_peak_memory(device: torch.device) -> None:
    """Reset the peak memory, where supported (Linux and CUDA)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes since the reset: of the process, or of torch on a GPU."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text("ascii")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS; not reset


def environment(device: torch.device) -> dict[str, Any]:
    """Return versions, processor and threads, for a record."""
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
    """Return the model name of the processor."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


def processor_family() -> str:
    """Return vendor, family and model; cloud machines often hide these behind a generic name."""
    info = _cpuinfo()
    return "-".join(info[key] for key in ("vendor_id", "cpu family", "model") if key in info)


def instructions() -> str:
    """Return the vector instruction set that torch uses, such as AVX2."""
    return torch.backends.cpu.get_cpu_capability()


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first, _, _ = path.read_text("utf-8", "replace").partition("\n\n")
    lines = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
