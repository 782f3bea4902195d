from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Generator, Tensor
from torch_uncertainty.optim import SGHMC

from bdlbench import Problem, adapters, register


@register("torch-uncertainty-sghmc")
@dataclass(frozen=True)
class TorchUncertaintySGHMC:
    """SGHMC of torch-uncertainty on U, the sum, with noise_factor = 1.

    It divides ∇U by an estimate of its size, which its first steps make: lr² = c·ε/(2·prior_std)
    moves θ like Langevin dynamics with ε for a gradient of size 1/prior_std, and more slowly for
    larger ones.

    Args:
        step_size: ε.
        friction: c, its default.
        batch_size: Training points per step.
    """

    step_size: float = 3e-6
    friction: float = 0.05
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        lr = (self.friction * self.step_size / 2 / problem.prior_std) ** 0.5
        yield from adapters.torch_optim(
            problem,
            rng,
            lambda p: SGHMC(p, lr=lr, friction=self.friction, noise_factor=1),
            self.batch_size,
            per_chain=False,
        )
