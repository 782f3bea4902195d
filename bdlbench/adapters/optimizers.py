"""Samplers that are torch optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor, nn

from bdlbench.adapters.clock import Scale, divisor
from bdlbench.adapters.random_state import RandomState
from bdlbench.problem import Problem


class Optimizer(Protocol):
    """A `torch.optim.Optimizer`, or what behaves like one."""

    def step(self) -> object:
        """Update the parameters by their ``.grad``."""


def torch_optim(
    problem: Problem,
    rng: torch.Generator,
    build: Callable[[list[nn.Parameter]], Optimizer],
    batch_size: int | None = 128,
    *,
    scale: Scale = "sum",
    prior: bool = True,
    per_chain: bool = True,
) -> Iterator[Tensor]:
    """Yield the draws of an optimizer that adds noise, such as SGLD.

    Args:
        problem: The problem.
        rng: Source of all random numbers; those of the optimizer are drawn in a state of its own.
        build: Returns an optimizer of the parameters, which are in the order of the model's layers.
        batch_size: Training points per step, None for all.
        scale: What ``.grad`` is: "sum", ∇U, for which SGLD with noise √(2·lr) targets T = 1; or
            "mean", ∇U/N, the gradient of a mean loss, for which it targets T = N.
        prior: Whether ``.grad`` contains the gradient of the prior, θ/prior_std²; without it, that
            of the optimizer's weight decay takes its place.
        per_chain: Whether every chain has an optimizer of its own, of the model's parameters. False
            is quicker with many chains, and right for updates that act on every number alone: one
            optimizer then updates parameters of shape (chains, *shape).

    Yields:
        θ of shape (chains, dim).
    """
    state, theta, over = RandomState(rng), problem.init(rng), divisor(scale, problem.n)
    groups = [_parameters(problem, part) for part in _parts(theta, per_chain)]
    with state:
        optimizers = [build([*parameters]) for parameters in groups]
    for batch, keep in problem.steps(batch_size, rng):
        gradient = problem.gradient(theta, batch)
        if not prior:
            gradient.sub_(theta, alpha=1 / problem.prior_std**2)
        if over != 1:
            gradient.div_(over)
        with state:
            for parameters, optimizer, part in zip(
                groups, optimizers, _parts(gradient, per_chain), strict=True
            ):
                for parameter, slope in zip(parameters, _tensors(problem, part), strict=True):
                    parameter.grad = slope
                optimizer.step()
        theta = torch.stack([_flat(parameters, per_chain) for parameters in groups])
        theta = theta if per_chain else theta[0]
        if keep:
            yield theta


def _parts(theta: Tensor, per_chain: bool) -> list[Tensor]:
    return list(theta) if per_chain else [theta]


def _tensors(problem: Problem, theta: Tensor) -> list[Tensor]:
    return list(problem.unflatten(theta).values())


def _parameters(problem: Problem, theta: Tensor) -> list[nn.Parameter]:
    return [nn.Parameter(part.clone()) for part in _tensors(problem, theta)]


def _flat(parameters: list[nn.Parameter], per_chain: bool) -> Tensor:
    """Return θ, shape (dim,) of one chain or (chains, dim) of all, as a copy."""
    return torch.cat([p.detach().flatten(0 if per_chain else 1) for p in parameters], dim=-1)
