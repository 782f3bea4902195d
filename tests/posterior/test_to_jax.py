"""The potential in JAX, compared with torch's in float64."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import torch
from jax import Array
from torch import Tensor, nn

from bdlbench.errors import BdlbenchError
from bdlbench.posterior import models
from bdlbench.posterior.exact import linear_regression, logistic_regression
from bdlbench.posterior.jax_callback import CalledPotential
from bdlbench.posterior.likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    Heteroscedastic,
    LearntGaussian,
    Likelihood,
    StudentT,
)
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior
from bdlbench.posterior.to_jax import TranslatedPotential, to_jax, translated, untranslatable
from bdlbench.problem import Budget, Problem

MODELS = ("softmax", "mlp-50", "mlp-400-400", "lenet5")
UNIT_ROUNDOFF = 2.0**-24  # of float32
# A sum of K products is off by at most K units, by √K as errors are of either sign; 784 is the
# longest in any layer. Four layers, forwards and back, make that 8·√784 units of the largest
# number that comes up; the factor 4 covers the chance that it is more.
TOLERANCE = 4 * 8 * 28 * UNIT_ROUNDOFF  # 5e-5


def images(n: int = 12) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(1)
    return torch.randn(n, 28, 28, generator=rng), torch.randint(10, (n,), generator=rng)


def on_images(model: str, n: int = 12) -> Posterior:
    return Posterior(models.build(model), Categorical(), *images(n), prior_std=0.5)


def on_layers(*layers: nn.Module) -> Posterior:
    return Posterior(Network(nn.Sequential(*layers)), Categorical(), *images(), prior_std=0.5)


def assert_equal_to_torch(posterior: Posterior) -> None:
    """Compare outputs, U and ∇U at a typical point of the prior."""
    theta = 0.1 * torch.randn(1, posterior.network.dim, generator=torch.Generator().manual_seed(2))
    y = posterior.y if posterior.y.dtype == torch.int64 else posterior.y.double()
    double = Posterior(
        posterior.network, posterior.likelihood, posterior.x.double(), y, posterior.prior_std
    )
    potential, flat = translated(posterior), theta[0].numpy()
    expected = double.network(double.network.unflatten(theta.double()), double.x[None])[0]
    outputs, value, gradient, alone = evaluate(potential, flat, posterior.x.numpy())
    assert_close(outputs, expected)
    assert_close(value, double.potential(theta.double())[0])
    assert_close(gradient, double.gradient(theta.double())[0])
    assert_close(alone, double.potential(theta.double())[0])


@jax.jit
def evaluate(potential: TranslatedPotential, theta: Array, x: Array) -> tuple[Array, ...]:
    return potential.outputs(theta, x), *jax.value_and_grad(potential)(theta), potential(theta)


def assert_close(got: object, expected: Tensor) -> None:
    wanted = expected.numpy()
    np.testing.assert_allclose(np.asarray(got), wanted, atol=TOLERANCE * np.abs(wanted).max())


@pytest.mark.parametrize("model", MODELS)
def test_every_shared_model_has_the_same_outputs_potential_and_gradient(model: str) -> None:
    assert_equal_to_torch(on_images(model))


def test_layers_without_bias_do_too() -> None:
    assert_equal_to_torch(linear_regression().posterior)
    assert_equal_to_torch(logistic_regression().posterior)


@pytest.mark.parametrize(
    "likelihood",
    [
        Categorical(),
        Bernoulli(),
        Gaussian(0.7),
        LearntGaussian(noise_std=0.6, spread=2.0),
        Heteroscedastic(noise_std=0.4, spread=0.5),
        StudentT(df=3.0, scale=0.6),
    ],
)
def test_every_likelihood_has_the_same_potential_and_gradient(likelihood: Likelihood) -> None:
    rng = torch.Generator().manual_seed(4)
    classes = {Categorical: 3, Bernoulli: 2}.get(type(likelihood))
    y = torch.randn(12, generator=rng)
    if classes:
        y = torch.randint(classes, (12,), generator=rng)
    module = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, likelihood.outputs(classes)))
    network = Network(module, constants=likelihood.constants)
    x = torch.randn(12, 5, generator=rng)
    assert_equal_to_torch(Posterior(network, likelihood, x, y, prior_std=0.5))


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Tanh(), nn.Flatten(), nn.Sigmoid(), nn.Linear(784, 10)),
        (nn.Flatten(), nn.SiLU(), nn.Identity(), nn.Linear(784, 10, bias=False)),
        (
            nn.Unflatten(1, (1, 28)),
            nn.Conv2d(1, 4, 5, 3, 2, bias=False),
            nn.Flatten(2),
            nn.Linear(100, 3),
            nn.Flatten(-2),
        ),
        (
            nn.Unflatten(-1, (14, 2)),
            nn.Conv2d(28, 8, 3, padding="same", dilation=2, groups=4),
            nn.MaxPool2d(3, 2, 1),
            nn.Flatten(),
            nn.Linear(56, 10),
        ),
        (
            nn.Unflatten(1, (1, 28)),
            nn.MaxPool2d((3, 2), dilation=2),
            nn.Flatten(),
            nn.Linear(8 * 13, 10),
        ),
    ],
    ids=["tanh", "silu", "strides", "groups", "pooling"],
)
def test_layers_follow_their_options(layers: tuple[nn.Module, ...]) -> None:
    assert_equal_to_torch(on_layers(*layers))


@pytest.mark.parametrize("rows", [1, 5, 11, 12])
def test_results_do_not_depend_on_the_chunks(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "bdlbench.posterior.to_jax.ROWS", rows
    )  # 5: three chunks of four; 11: two of six
    assert_equal_to_torch(on_images("mlp-5", n=11))


def test_the_potential_can_be_vmapped_over_chains() -> None:
    posterior = on_images("lenet5", n=7)
    theta = posterior.network.init(3, torch.Generator().manual_seed(0))
    problem = Problem(posterior, Budget(1, 1), chains=3)
    values, gradients = jax.jit(jax.vmap(jax.value_and_grad(problem.to_jax())))(theta.numpy())
    assert_close(values, posterior.potential(theta))
    assert_close(gradients, posterior.gradient(theta))
    assert problem.epochs == 0, "evaluations in JAX are charged by the sampler"


def test_the_data_are_not_compiled_into_the_program() -> None:
    def program(n: int) -> str:
        potential = to_jax(on_images("softmax", n))
        lowered = jax.jit(lambda u, theta: u(theta)).lower(potential, np.zeros(7850, np.float32))
        return lowered.as_text()

    assert len(program(1000)) < 1.1 * len(program(10))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.GELU(), "layer GELU has no translation to JAX; expected one of Linear, Conv2d"),
        (nn.MaxPool2d(2, ceil_mode=True), "expected ceil_mode=False for JAX, got MaxPool2d"),
        (nn.LayerNorm(10), "expected a Sequential of known layers, got Sequential"),
    ],
)
def test_an_unknown_layer_or_option_is_named(layer: nn.Module, message: str) -> None:
    posterior = on_layers(nn.Flatten(), nn.Linear(784, 10), layer)
    assert untranslatable(posterior).startswith(message)
    with pytest.raises(BdlbenchError, match=message):
        translated(posterior)


def test_an_unknown_likelihood_is_named() -> None:
    class Other(Categorical):
        pass

    posterior = Posterior(models.build("softmax"), Other(), *images(), prior_std=1)
    assert untranslatable(posterior).startswith("likelihood Other has no translation to JAX")


def test_what_is_known_is_translated_and_what_is_not_is_called() -> None:
    assert isinstance(to_jax(on_images("lenet5")), TranslatedPotential)
    layers = nn.Flatten(), nn.Linear(784, 10), nn.GELU()
    assert isinstance(to_jax(on_layers(*layers)), CalledPotential)
