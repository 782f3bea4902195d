"""Torch optimizers on an exactly known posterior."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bdlbench.adapters import torch_optim
from bdlbench.checks.global_state import watched
from bdlbench.posterior import models
from bdlbench.posterior.likelihoods import Categorical
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem
from tests.adapters.known import BIAS, EPSILON, N, Sample, assert_exact, problem, rng, run

STEPS = 500  # at κ = 0.1 and a condition of 3, Langevin dynamics relaxes in 60


class Langevin(torch.optim.Optimizer):
    """θ ← θ − lr·(g + wd·θ) + N(0, 2·lr·T), with noise of the global generator."""

    def __init__(
        self, params: list[nn.Parameter], lr: float, temperature: float = 1.0, decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "temperature": temperature, "decay": decay})

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                assert p.grad is not None
                p.grad.add_(p, alpha=group["decay"])
                noise = torch.randn_like(p) * (2 * group["lr"] * group["temperature"]) ** 0.5
                p.data = p - group["lr"] * p.grad + noise  # not in place: as some libraries do


def of_sum(made: Problem, rng: torch.Generator) -> Iterator[Tensor]:
    return torch_optim(made, rng, lambda p: Langevin(p, EPSILON / 2), N, per_chain=False)


def of_mean(made: Problem, rng: torch.Generator) -> Iterator[Tensor]:
    """The mean loss, T = 1/N, and the prior as weight decay."""
    decay = 1 / made.prior_std**2 / N
    return torch_optim(
        made,
        rng,
        lambda p: Langevin(p, N * EPSILON / 2, 1 / N, decay),
        N,
        scale="mean",
        prior=False,
        per_chain=False,
    )


def test_langevin_dynamics_samples_the_posterior() -> None:
    with watched():
        draws = run(of_sum, problem(STEPS))
    assert_exact(draws, BIAS)


def test_sum_and_mean_and_the_prior_as_weight_decay_are_the_same_sampler() -> None:
    torch.testing.assert_close(
        run(of_mean, problem(20)), run(of_sum, problem(20)), rtol=1e-4, atol=1e-4
    )


def test_a_run_is_a_function_of_its_seed_and_is_charged() -> None:
    made = problem(8, chains=3, draws=2)
    first = run(of_sum, made)
    assert made.epochs == 24
    assert torch.equal(first, run(of_sum, problem(8, 3, 2)))
    assert not torch.equal(first, run(of_sum, problem(8, 3, 2), seed=1))


class NormalisedStep(torch.optim.Optimizer):
    """θ ← θ − lr·g/‖g‖ over all parameters: not elementwise."""

    def __init__(self, params: list[nn.Parameter], lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]
        parameters = self.param_groups[0]["params"]
        norm = torch.stack([p.grad.norm() for p in parameters]).norm()
        for p in parameters:
            p.sub_(self.param_groups[0]["lr"] * p.grad / norm)


def small(chains: int) -> Problem:
    x = torch.randn(12, 28, 28, generator=rng(1))
    posterior = Posterior(models.build("mlp-3"), Categorical(), x, torch.arange(12) % 10, 0.5)
    return Problem(posterior, Budget(4.0 * chains, 4, 0), chains)


def test_every_chain_has_an_optimizer_of_the_layers_of_its_own() -> None:
    made, shapes = small(3), []

    def build(parameters: list[nn.Parameter]) -> NormalisedStep:
        shapes.append([tuple(p.shape) for p in parameters])
        return NormalisedStep(parameters, 0.1)

    draws = run(lambda p, r: torch_optim(p, r, build, None), made)
    assert shapes == [[(3, 784), (3,), (10, 3), (10,)]] * 3
    moved = (draws[1:] - draws[:-1]).norm(dim=-1)
    torch.testing.assert_close(moved, torch.full((3, 3), 0.1), rtol=1e-4, atol=0)


def adam(per_chain: bool) -> Sample:
    return lambda p, r: torch_optim(
        p, r, lambda q: torch.optim.Adam(q, 0.01), 5, per_chain=per_chain
    )


def test_one_optimizer_of_all_chains_takes_the_steps_of_many() -> None:
    torch.testing.assert_close(run(adam(False), small(3)), run(adam(True), small(3)))


@pytest.mark.parametrize(("scale", "over"), [("sum", 1), ("mean", 12)])
def test_weight_decay_takes_the_place_of_the_prior(scale: Any, over: int) -> None:
    def descent(prior: bool, decay: float) -> Sample:
        return lambda p, r: torch_optim(
            p,
            r,
            lambda q: torch.optim.SGD(q, 0.01, weight_decay=decay),
            5,
            scale=scale,
            prior=prior,
        )

    expected = run(descent(True, 0), small(2))
    torch.testing.assert_close(run(descent(False, 1 / 0.5**2 / over), small(2)), expected)
    assert (run(descent(False, 0), small(2)) - expected).abs().max() > 1e-3


def test_another_scale_is_refused() -> None:
    with pytest.raises(ValueError, match='expected scale="sum" or "mean", got \'sums\''):
        next(torch_optim(problem(9), rng(), lambda p: Langevin(p, 1), scale="sums"))  # type: ignore[arg-type]
