"""Time a leapfrog step of HMC against one gradient."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import torch

from bdlbench import registry
from bdlbench.posterior.to_jax import JaxPotential
from bdlbench.settings import parse
from benchmarks.alternate import Action, alternate
from benchmarks.figures import Figure
from benchmarks.steps import make_problem

LEAPFROGS = {1_000: 2_000, 60_000: 60}  # epochs of one call of the sampler, by N


def measure(rounds: int) -> list[Figure]:
    """Time leapfrog steps of mlp-50 for each N."""
    return [_leapfrogs(n, max(3, rounds // 3)) for n in LEAPFROGS]


def _leapfrogs(n: int, rounds: int) -> Figure:
    sampler = registry.create("samplers", parse("hmc:trajectory_length=1.0,min_draws=1"))

    def sample() -> None:
        problem = make_problem("mlp-50", n, epochs=LEAPFROGS[n])
        for _ in sampler.sample(problem, torch.Generator().manual_seed(0)):
            pass
        spent.append(problem.epochs)

    spent: list[float] = []
    problem = make_problem("mlp-50", n)
    theta = problem.init(torch.Generator().manual_seed(0))
    sample()
    actions: dict[str, tuple[Action, int]] = {
        "leapfrog": (sample, round(spent[0])),
        "torch": (lambda: problem.gradient(theta), 1),
        "JAX": (_jax_gradient(problem.to_jax(), theta), 1),
    }
    timings = alternate(actions, rounds)
    ratio = timings.ratio("leapfrog", "torch", "JAX")
    name = f"HMC, one leapfrog, mlp-50, N = {n:,}"
    against = "the quicker gradient, torch's or JAX's"
    return Figure(name, 1e3 * timings.median("leapfrog"), "ms", ratio, against, 1.25)


def _jax_gradient(potential: JaxPotential, theta: torch.Tensor) -> Action:
    gradient = jax.jit(jax.value_and_grad(lambda point, u: u(point)))
    start = jnp.asarray(theta[0].numpy())
    return lambda: jax.block_until_ready(gradient(start, potential))
