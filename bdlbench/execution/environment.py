"""Environment variables of computing processes, which libraries read when they are loaded.

JAX takes GPU memory as it needs it, not three quarters at once, and computes on one thread of the
processor, so that numbers do not depend on how many there are. What it compiles is cached in the
user's cache: compiling a Hamiltonian sampler takes seconds per run.
"""

from __future__ import annotations

import os
from pathlib import Path

from bdlbench.storage.locations import user_cache

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
JAX = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "NPROC": "1"}  # the size of XLA's thread pool
CACHE = "JAX_COMPILATION_CACHE_DIR"
CACHED = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    "JAX_COMPILATION_CACHE_MAX_SIZE": str(200 * 2**20),  # bytes; with a limit, JAX also locks it
}


def for_runs() -> dict[str, str]:
    """Return what a run's process needs: every library computes on one thread."""
    return ONE_THREAD | for_jax()


def for_jax() -> dict[str, str]:
    """Return what JAX needs, less what the user has set."""
    found = dict(JAX)
    if CACHE not in os.environ and (folder := _cache(user_cache())):
        found |= {CACHE: str(folder), **CACHED}
    return {name: value for name, value in found.items() if name not in os.environ}


def _cache(parent: Path | None) -> Path | None:
    """Return a folder for what JAX compiles, if there can be one."""
    if parent is None:
        return None
    folder = parent / "jax"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
