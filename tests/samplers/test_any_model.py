"""Every built-in sampler runs on a residual network and on a regression with a learnt noise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bdlbench import registry
from bdlbench.posterior import models
from bdlbench.posterior.likelihoods import Categorical, LearntGaussian
from bdlbench.posterior.network import CONSTANTS
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem
from bdlbench.settings import fields

N, BATCH, DRAWS = 24, 8, 3
# HMC and NUTS are tested with the potential in JAX.
SAMPLERS = [name for name in registry.names("samplers") if name not in ("hmc", "nuts")]


def residual() -> Posterior:
    network = models.network("resnet8:width=2", (3, 6, 6), 3)
    rng = torch.Generator().manual_seed(0)
    return Posterior(
        network, Categorical(), torch.randn(N, 3, 6, 6, generator=rng), torch.arange(N) % 3, 0.5
    )


def regression() -> Posterior:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(N, 2, generator=rng)
    y = x[:, 0] + 0.2 * torch.randn(N, generator=rng)
    network = models.network("mlp-4", (2,), 1, constants=1)
    return Posterior(network, LearntGaussian(), x, y, 0.5)


def draw(name: str, posterior: Posterior, chains: int) -> list[Tensor]:
    plugin = registry.load("samplers", name)
    settings = {"batch_size": BATCH} if "batch_size" in fields(plugin) else {}
    problem = Problem(posterior, Budget(epochs=15, draws=DRAWS), chains)
    sampler = registry.configure(plugin, settings)
    drawn = sampler.sample(problem, torch.Generator().manual_seed(1))
    return [theta.clone() for theta in drawn]


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("build", [residual, regression])
def test_draws_are_finite(name: str, build: Callable[[], Posterior]) -> None:
    made = build()
    draws = draw(name, made, chains=2)
    assert 1 <= len(draws) <= DRAWS
    for theta in draws:
        assert theta.shape[1] == made.network.dim
        assert theta.isfinite().all()
    if CONSTANTS in made.network.shapes:
        assert (made.network.unflatten(draws[-1])[CONSTANTS] != 0).all(), "σ is sampled, too"


def test_the_noise_is_learnt() -> None:
    posterior = regression()
    plugin = registry.configure(
        registry.load("samplers", "sgd"), {"batch_size": N, "learning_rate": 0.1}
    )
    problem = Problem(posterior, Budget(epochs=400, draws=1))
    (theta,) = plugin.sample(problem, torch.Generator().manual_seed(1))
    parameters = posterior.network.unflatten(theta)
    with torch.no_grad():
        outputs = posterior.network(parameters, posterior.x[None])
    location, scale = LearntGaussian().location_scale(outputs)
    residual_std = (posterior.y - location).square().mean().sqrt().item()
    # At the mode, ∂U/∂ρ = ρ/s² + spread·Σ(1 − r²/σ²) = 0: the prior's pull is known.
    rho = parameters[CONSTANTS].item()
    expected = 1 + rho / 0.5**2 / (3 * N)
    assert (residual_std / scale[0, 0].item()) ** 2 == pytest.approx(expected, rel=0.02)
    assert scale[0, 0] < 0.4
