"""Samplers of other libraries as plugins: each function makes the draws of a plugin's `sample`.

They own the clock, the charging, the chains, and a random state: what a library draws from global
generators comes from `rng`, and the global state stays untouched. See docs/adapters.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bdlbench.adapters.chains import torch_chains
    from bdlbench.adapters.differentiable import torch_potential
    from bdlbench.adapters.jax_kernels import jax_kernel
    from bdlbench.adapters.modules import module_and_data
    from bdlbench.adapters.optimizers import torch_optim
    from bdlbench.adapters.random_state import RandomState
    from bdlbench.adapters.transforms import posteriors

__all__ = [
    "RandomState",
    "jax_kernel",
    "module_and_data",
    "posteriors",
    "torch_chains",
    "torch_optim",
    "torch_potential",
]

# JAX is imported only where it is used.
_LAZY = {
    "RandomState": "random_state",
    "jax_kernel": "jax_kernels",
    "module_and_data": "modules",
    "posteriors": "transforms",
    "torch_chains": "chains",
    "torch_optim": "optimizers",
    "torch_potential": "differentiable",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'bdlbench.adapters' has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
