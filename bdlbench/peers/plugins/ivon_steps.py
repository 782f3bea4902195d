from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from ivon import IVON
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register


@register("ivon-steps")
@dataclass(frozen=True)
class IVONSteps:
    """IVON of ivon-opt on a mean loss, with draws from its Gaussian while that is fitted.

    The prior is part of the loss, and hence no weight decay.
    """

    target: ClassVar[str] = "approximate"
    learning_rate: float = 0.1
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def chain(potential: Any, theta: Tensor) -> Iterator[Tensor]:
            p = theta.clone().requires_grad_()
            ivon = IVON([p], lr=self.learning_rate, ess=problem.n, weight_decay=0)
            while True:
                with ivon.sampled_params(train=True):
                    ivon.zero_grad()
                    (potential(p) / problem.n).backward()
                ivon.step()
                with ivon.sampled_params():
                    draw = p.detach().clone()
                yield draw

        yield from adapters.torch_chains(problem, rng, chain, self.batch_size)
