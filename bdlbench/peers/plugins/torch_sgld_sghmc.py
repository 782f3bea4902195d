from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Generator, Tensor
from torch_sgld import SGLD

from bdlbench import Problem, adapters, register


@register("torch-sgld-sghmc")
@dataclass(frozen=True)
class TorchSGHMC:
    """SGHMC of torch-sgld, its SGLD with a momentum c: lr = c·ε/2.

    Args:
        step_size: ε.
        friction: c, the share of the momentum that is lost in a step.
        batch_size: Training points per step.
    """

    step_size: float = 3e-6
    friction: float = 0.1
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        yield from adapters.torch_optim(
            problem,
            rng,
            lambda p: SGLD(p, lr=self.friction * self.step_size / 2, momentum=self.friction),
            self.batch_size,
            per_chain=False,
        )
