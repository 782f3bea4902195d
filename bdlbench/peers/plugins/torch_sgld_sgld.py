from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Generator, Tensor
from torch_sgld import SGLD

from bdlbench import Problem, adapters, register


@register("torch-sgld-sgld")
@dataclass(frozen=True)
class TorchSGLD:
    """SGLD of torch-sgld, which moves by −lr·∇U + N(0, 2·lr): lr = ε/2."""

    step_size: float = 3e-6
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        yield from adapters.torch_optim(
            problem,
            rng,
            lambda p: SGLD(p, lr=self.step_size / 2),
            self.batch_size,
            per_chain=False,
        )
