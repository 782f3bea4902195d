"""Write the template of a plugin."""

from __future__ import annotations

import keyword
import re
from importlib.util import find_spec
from pathlib import Path

from bdlbench import registry
from bdlbench.errors import PluginError

TEMPLATE = '''"""TITLE: describe the sampler in one sentence."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from bdlbench import Problem, register
from bdlbench.noise import normal_like
from bdlbench.settings import check_positive


@register("NAME")
@dataclass(frozen=True)
class CLASS:
    """Langevin dynamics: θ ← θ − (ε/2)·∇Û(θ) + N(0, εT). Replace this by your update equation."""

    # The target: "exact" (exp(−U/T), up to the step size), "approximate", or "point".
    # `bdlbench check` checks the draws against it.
    target: ClassVar[str] = "exact"

    # Hyperparameters, each with a default: bdlbench compare ./FILE:step_size=1e-5
    step_size: float = 1e-4  # ε; the checks and tuning may set it
    batch_size: int = 32
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size, batch_size=self.batch_size)

    def sample(self, problem: Problem, rng: torch.Generator) -> Iterator[torch.Tensor]:
        """Yield draws of θ, each a float32 tensor of shape (chains, dim)."""
        theta = problem.init(rng)
        noise_std = (self.step_size * self.temperature) ** 0.5
        # Each step: a minibatch per chain, and whether to yield the state after it as a draw.
        for batch, keep in problem.steps(self.batch_size, rng):
            # ∇Û, an unbiased estimate of ∇U: a sum over the training data, prior included.
            gradient = problem.gradient(theta, batch)
            # Take all random numbers from rng, so that runs are reproducible.
            noise = normal_like(theta, rng)  # N(0, 1), faster than torch.randn
            theta = theta - self.step_size / 2 * gradient + noise_std * noise
            if keep:
                yield theta
'''
IMPORTED = ("ClassVar", "Iterator", "Problem")  # by the template


def _check_free(name: str, path: Path, class_name: str) -> None:
    """Refuse names that belong to something else, with which the file would not work."""
    taken = ""
    if name in registry.names("samplers"):
        taken = "a sampler"
    elif keyword.iskeyword(path.stem) or class_name in IMPORTED:
        taken = "a word of Python or of the template"
    elif not path.exists() and find_spec(path.stem) is not None:
        taken = "a Python package, which the file would hide"
    if taken:
        raise PluginError(f"{name} is the name of {taken}; try bdlbench new my-{name}")


def write(name: str, folder: Path) -> Path:
    """Write ``<name>.py``, a sampler that runs and passes the checks unchanged.

    Raises:
        PluginError: The name is invalid or taken, or the file cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name):
        raise PluginError(f"expected a name such as my-sampler, got {name!r}")
    path = folder / f"{name.replace('-', '_')}.py"
    words = name.split("-")
    class_name = "".join(map(str.capitalize, words))
    _check_free(name, path, class_name)
    text = TEMPLATE.replace("NAME", name).replace("CLASS", class_name)
    text = text.replace("TITLE", " ".join(words).capitalize()).replace("FILE", path.name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise PluginError(f"cannot write {path}: {error.strerror}; choose another name") from error
    return path
