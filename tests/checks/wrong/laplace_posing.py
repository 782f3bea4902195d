from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("laplace-posing")
@dataclass(frozen=True)
class LaplacePosing:
    """Newton's method, then draws from N(mode, H⁻¹): right if the posterior is Gaussian."""

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def hessian(theta: Tensor) -> Tensor:  # by central differences
            h = 0.02 * problem.prior_std
            columns = []
            for axis in torch.eye(problem.dim):
                change = problem.gradient(theta + h * axis) - problem.gradient(theta - h * axis)
                columns.append(change / (2 * h))
            found = torch.stack(columns, dim=2)
            return (found + found.mT) / 2

        theta = problem.init(rng).mul(0.0)
        for _ in range(6):
            step = torch.linalg.solve(hessian(theta), problem.gradient(theta)[:, :, None])[:, :, 0]
            theta = theta - step
        root = torch.linalg.cholesky(torch.linalg.inv(hessian(theta)))
        for _, keep in problem.steps(None, rng):
            problem.gradient(theta)
            if keep:
                noise = torch.empty_like(theta).normal_(generator=rng)
                yield theta + (root @ noise[:, :, None])[:, :, 0]
