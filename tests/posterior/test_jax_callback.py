"""U and ∇U in JAX by calls back to torch."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
import torch
from jax import Array, lax
from torch import Tensor, nn

from bdlbench import registry
from bdlbench.errors import BdlbenchError
from bdlbench.hamiltonian.kernels import INT32, Kernel, State, Work, advance, start
from bdlbench.posterior import models
from bdlbench.posterior.jax_callback import CalledPotential, Torch
from bdlbench.posterior.likelihoods import Categorical
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior
from bdlbench.posterior.to_jax import JaxPotential, to_jax, translated
from bdlbench.problem import Budget, Problem
from tests.processes import WAIT

UNIT_ROUNDOFF = 2.0**-24  # of float32
# As in test_to_jax: the error of sums of at most 784 products, twice, as both sides are rounded.
TOLERANCE = 2 * 4 * 8 * 28 * UNIT_ROUNDOFF


def posterior_of(model: str, n: int = 20) -> Posterior:
    rng = torch.Generator().manual_seed(1)
    x, y = torch.randn(n, 28, 28, generator=rng), torch.randint(10, (n,), generator=rng)
    return Posterior(models.build(model), Categorical(), x, y, prior_std=0.5)


def states(posterior: Posterior, chains: int) -> np.ndarray:
    rng = torch.Generator().manual_seed(2)
    return 0.1 * torch.randn(chains, posterior.network.dim, generator=rng).numpy()


def called(posterior: Posterior) -> CalledPotential:
    return CalledPotential(Torch(posterior))


def assert_close(got: object, expected: object) -> None:
    wanted = np.asarray(expected)
    np.testing.assert_allclose(np.asarray(got), wanted, atol=TOLERANCE * np.abs(wanted).max())


@pytest.mark.parametrize("model", ["mlp-5", "lenet5"])
def test_value_and_gradient_are_those_of_the_translation(model: str) -> None:
    posterior = posterior_of(model)
    theta = states(posterior, 3)
    potential = called(posterior)
    for wrap in (lambda function: function, jax.jit):
        together = wrap(jax.vmap(jax.value_and_grad(lambda t: potential(t))))(theta)
        expected = jax.vmap(jax.value_and_grad(translated(posterior)))(theta)
        for got, wanted in zip(together, expected, strict=True):
            assert_close(got, wanted)
        assert_close(wrap(potential.__call__)(theta[0]), expected[0][0])
    nested = jax.vmap(jax.vmap(potential))(jax.numpy.asarray(theta.reshape(1, 3, -1)))
    assert_close(nested, np.asarray(expected[0])[None])


def test_the_torch_gradient_comes_with_the_potential() -> None:
    posterior = posterior_of("mlp-5")
    theta = torch.from_numpy(states(posterior, 2))
    value, gradient = posterior.value_and_gradient(theta)
    torch.testing.assert_close(value, posterior.potential(theta), rtol=1e-6, atol=0)
    assert torch.equal(gradient, posterior.gradient(theta))


def test_all_chains_are_evaluated_in_one_call() -> None:
    posterior, sizes = posterior_of("softmax"), []

    class Counting(Torch):
        def __call__(
            self, theta: np.ndarray, batch: np.ndarray | None = None
        ) -> tuple[np.ndarray, np.ndarray]:
            sizes.append(theta.shape)
            return super().__call__(theta, batch)

    potential = CalledPotential(Counting(posterior))

    @jax.jit
    def descend(theta: Array) -> Array:
        def step(carry: tuple[int, Array]) -> tuple[int, Array]:
            return carry[0] + 1, carry[1] - 1e-3 * jax.vmap(jax.grad(potential))(carry[1])

        return lax.while_loop(lambda carry: carry[0] < 5, step, (0, theta))[1]

    descend(states(posterior, 3)).block_until_ready()
    assert sizes == [(3, posterior.network.dim)] * 5


def hmc(potential: JaxPotential, theta: np.ndarray) -> State:
    """Run two iterations of ten leapfrogs."""
    kernel = Kernel(1e-2, 0.8, 1.0, 0.1)
    state = start(kernel, potential, theta, jax.random.key(0))
    moved: State = advance(kernel, potential, state, Work(False, 10, 2, INT32, INT32))[0]
    return moved


def test_trajectories_of_hmc_equal_those_of_the_translation() -> None:
    posterior = posterior_of("mlp-50")
    theta = states(posterior, 3)
    found, expected = hmc(called(posterior), theta), hmc(translated(posterior), theta)
    assert np.abs(np.asarray(expected.theta) - theta).max() > 0.1, "the chains have moved"
    # 20 leapfrogs of step size 0.01 hardly amplify the rounding errors of the gradients.
    for got, wanted in ((found.theta, expected.theta), (found.energy, expected.energy)):
        assert_close(got, wanted)


class Failing(nn.Module):
    """A linear model that fails from the third call."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(784, 10)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.calls > 2:
            raise RuntimeError("no memory\nleft, and more")
        found: Tensor = self.linear(x.flatten(1))
        return found


def test_an_exception_in_torch_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    module, base = Failing(), posterior_of("softmax")
    posterior = Posterior(Network(module, Failing), Categorical(), base.x, base.y, 0.5)
    potential = to_jax(posterior)
    hmc(potential, states(posterior, 1))
    assert module.calls == 3, "after an exception, the model is not called again"
    with pytest.raises(BdlbenchError, match=r"^the model failed in U and ∇U: no memory left, and"):
        potential.check()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_samplers_raise_the_exception() -> None:
    base = posterior_of("softmax")
    posterior = Posterior(Network(Failing(), Failing), Categorical(), base.x, base.y, 0.5)
    problem = Problem(posterior, Budget(40, 2), chains=2)
    with pytest.raises(BdlbenchError, match=r"^the model failed in U and ∇U: no memory left"):
        list(registry.load("samplers", "hmc")().sample(problem, torch.Generator().manual_seed(0)))


SCRIPT = """
import os
if hasattr(os, "sched_setaffinity"):  # JAX has as many threads as cores
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import torch
from tests.posterior import test_jax_callback as tests
posterior = tests.posterior_of("mlp-400", n=20)
state = tests.hmc(tests.called(posterior), tests.states(posterior, 4))
print(state.theta.shape, torch.isfinite(torch.tensor(state.energy.tolist())).all().item())
"""


@pytest.mark.slow
def test_one_core_is_enough_for_large_states() -> None:
    """With jax.pure_callback, this waits for ever: 4 chains of 318,010 parameters."""
    command = [sys.executable, "-c", SCRIPT]
    root = Path(__file__).parents[2]
    finished = subprocess.run(command, cwd=root, timeout=WAIT, capture_output=True, text=True)
    assert finished.stdout == "(4, 318010) True\n", finished.stderr
