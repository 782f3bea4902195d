"""Benchmark suite for Bayesian deep learning.

A sampler is a plugin that yields draws of a network's weights. bdlbench gives it a posterior and a
budget, and computes and stores its predictions, from which every metric can be recomputed.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

from bdlbench.registry import register

if TYPE_CHECKING:
    from bdlbench.comparison.compare import compare
    from bdlbench.comparison.result import Comparison
    from bdlbench.data.examples import Examples
    from bdlbench.problem import Budget, Problem
    from bdlbench.runs.task import Task

__all__ = [
    "Budget",
    "Comparison",
    "Examples",
    "Problem",
    "Task",
    "__version__",
    "compare",
    "register",
]

# Importing torch takes seconds, too long for `bdlbench --help`.
_LAZY = {
    "Budget": "bdlbench.problem",
    "Comparison": "bdlbench.comparison.result",
    "Examples": "bdlbench.data.examples",
    "Problem": "bdlbench.problem",
    "Task": "bdlbench.runs.task",
    "compare": "bdlbench.comparison.compare",
}
__version__: str


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.metadata.version("bdlbench")
    if name not in _LAZY:
        raise AttributeError(f"module 'bdlbench' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
