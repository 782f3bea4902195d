from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("thermostat-count")
@dataclass(frozen=True)
class ThermostatCount:
    """SGNHT whose thermostat divides vᵀv by dim + 1: T = 1 + 1/dim."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, h = problem.init(rng), (self.step_size / 2) ** 0.5
        diffusion = 1 / problem.prior_std
        velocity, xi = (
            torch.empty_like(theta).normal_(generator=rng),
            torch.full_like(theta[:, :1], diffusion),
        )
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            velocity = velocity - h * xi * velocity - h * problem.gradient(theta, batch)
            velocity = velocity + (2 * diffusion * h) ** 0.5 * noise
            theta = theta + h * velocity
            kinetic = velocity.square().sum(1, keepdim=True) / (problem.dim + 1)
            xi = xi + h * (kinetic - 1)
            if keep:
                yield theta
