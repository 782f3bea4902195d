from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Generator, Tensor
from torch_uncertainty.optim import SGLD

from bdlbench import Problem, adapters, register


@register("torch-uncertainty-sgld-unscaled")
@dataclass(frozen=True)
class TorchUncertaintySGLDUnscaled:
    """SGLD of torch-uncertainty on U, the sum, with noise_factor = 1: lr = ε/2."""

    step_size: float = 3e-6
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        yield from adapters.torch_optim(
            problem,
            rng,
            lambda p: SGLD(p, lr=self.step_size / 2, noise_factor=1),
            self.batch_size,
            per_chain=False,
        )
