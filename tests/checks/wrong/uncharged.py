from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Generator, Tensor

from bdlbench import Problem, register


@register("uncharged")
@dataclass(frozen=True)
class Uncharged:
    """A sampler that never asks for a gradient: nothing is charged."""

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        for _ in range(problem.draws):
            yield problem.init(rng)
