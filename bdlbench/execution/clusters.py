"""Connect joblib to a Dask or Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bdlbench.errors import BdlbenchError

PATIENCE = 30  # seconds until a scheduler that does not answer is given up


@contextmanager
def dask(address: str | None) -> Iterator[dict[str, Any]]:
    """Connect to a Dask scheduler, and yield what `joblib.parallel_config` needs.

    Raises:
        BdlbenchError: Dask is not installed, or the scheduler does not answer.
    """
    try:
        from distributed import Client
    except ImportError:
        raise _not_installed("dask") from None
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise _no_answer("dask", address, error) from error
    with client:
        yield {"backend": "dask", "client": client}


@contextmanager
def ray(address: str | None, device: str) -> Iterator[dict[str, Any]]:
    """Connect to a Ray cluster, and yield what `joblib.parallel_config` needs.

    Args:
        address: Such as ``ray://head:10001``, or ``auto`` on a node of the cluster.
        device: With ``cuda``, every run has a GPU to itself.

    Raises:
        BdlbenchError: Ray is not installed, or the scheduler does not answer.
    """
    try:
        import ray as cluster
        from ray.util.joblib import register_ray
    except ImportError:
        raise _not_installed("ray") from None
    try:
        cluster.init(address, ignore_reinit_error=True, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_answer("ray", address, error) from error
    register_ray()
    needs = {"num_cpus": 1, "num_gpus": int(device == "cuda")}
    try:
        yield {"backend": "ray", "ray_remote_args": needs}
    finally:
        cluster.shutdown()


def _not_installed(name: str) -> BdlbenchError:
    return BdlbenchError(f"--backend {name} is not installed; pip install 'bdlbench[{name}]'")


def _no_answer(name: str, address: str | None, error: Exception) -> BdlbenchError:
    return BdlbenchError(f"no {name} cluster answers at {address} ({error}); check --address")
