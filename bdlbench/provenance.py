"""Say what a run was made with: code, versions and processor."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

NUMERICAL_CODE = (  # what a run's draws and predictions depend on, beside the sampler's own file
    *("backward", "data", "evaluate", "likelihoods", "models", "noise", "optim"),
    *("posterior", "problem", "products", "hamiltonian", "jax_layers", "numpyro_kernels", "to_jax"),
)


@cache
def source_of(*modules: str) -> str:
    """Return the SHA-256 of the source of modules of bdlbench, without importing them.

    Args:
        modules: Names, without the package's: ``optim``, ``checks/target``.
    """
    digest = hashlib.sha256()
    for module in modules:
        digest.update((Path(__file__).parent / f"{module}.py").read_bytes())
    return digest.hexdigest()


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
        "processor": processor(),
        "threads": torch.get_num_threads(),
        **gpu,
    }


def processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
