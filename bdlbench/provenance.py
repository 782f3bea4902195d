"""Say what a run was made with: code, versions and processor."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch


def source_of(*modules: str) -> str:
    """Return the SHA-256 of the source of modules of bdlbench, without importing them."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update((Path(__file__).parent / f"{module}.py").read_bytes())
    return digest.hexdigest()


def scoring_code() -> str:
    """Return the SHA-256 of the code that turns predictions into metrics."""
    return source_of("metrics", "scores")


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
        "system": platform.system(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        **gpu,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
