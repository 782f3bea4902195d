from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Generator, Tensor
from torch_uncertainty.optim import SGLD

from bdlbench import Problem, adapters, register


@register("torch-uncertainty-sgld")
@dataclass(frozen=True)
class TorchUncertaintySGLD:
    """SGLD of torch-uncertainty on a mean loss, with its default noise_factor of 0.01.

    On the mean loss U/N, lr = N·ε/2 moves θ by (ε/2)·∇U.
    """

    step_size: float = 3e-6
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        yield from adapters.torch_optim(
            problem,
            rng,
            lambda p: SGLD(p, lr=problem.n * self.step_size / 2),
            self.batch_size,
            scale="mean",
            per_chain=False,
        )
