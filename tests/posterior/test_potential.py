"""The potential and its gradient, compared with torch's modules, losses and autograd."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from bdlbench.errors import BdlbenchError
from bdlbench.posterior import backward, models
from bdlbench.posterior.exact import linear_regression
from bdlbench.posterior.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood
from bdlbench.posterior.likelihoods import slope as slope_of
from bdlbench.posterior.models import Network
from bdlbench.posterior.potential import Posterior

MODELS = ("softmax", "mlp-7", "mlp-5-4", "lenet5")


def make(model: str, n: int = 12) -> Posterior:
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(n, 28, 28, generator=rng)
    y = torch.randint(10, (n,), generator=rng)
    return Posterior(models.build(model), Categorical(), x, y, prior_std=0.5)


def start(posterior: Posterior, chains: int) -> Tensor:
    return posterior.network.init(chains, torch.Generator().manual_seed(2))


def potential_by_hand(posterior: Posterior, theta: Tensor) -> Tensor:
    """Compute U of one chain with torch's module, term by term."""
    parameters = {name: p[0] for name, p in posterior.network.unflatten(theta[None]).items()}
    logits = functional_call(posterior.network.module, parameters, (posterior.x,))
    prior = sum((p**2).sum() for p in parameters.values()) / (2 * posterior.prior_std**2)
    return nn.functional.cross_entropy(logits, posterior.y, reduction="sum") + prior


@pytest.mark.parametrize("chains", [1, 3])
@pytest.mark.parametrize("model", MODELS)
def test_potential_and_gradient_equal_autograd_through_torchs_modules(
    model: str, chains: int
) -> None:
    posterior = make(model)
    theta = start(posterior, chains)
    for chain in range(chains):
        leaf = theta[chain].clone().requires_grad_()
        expected = potential_by_hand(posterior, leaf)
        (gradient,) = torch.autograd.grad(expected, leaf)
        assert posterior.potential(theta)[chain].item() == pytest.approx(expected.item(), rel=1e-5)
        torch.testing.assert_close(posterior.gradient(theta)[chain], gradient, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_minibatches_average_to_the_full_gradient(model: str) -> None:
    posterior = make(model)
    theta = start(posterior, 2)
    # A partition of the data, each chain in its own order: the mean of the estimates is exact.
    batches = torch.stack([torch.arange(12), torch.arange(12).flip(0)]).split(3, dim=1)
    gradients = torch.stack([posterior.gradient(theta, batch) for batch in batches])
    torch.testing.assert_close(gradients.mean(0), posterior.gradient(theta), rtol=1e-4, atol=1e-4)
    potentials = torch.stack([posterior.potential(theta, batch) for batch in batches])
    torch.testing.assert_close(potentials.mean(0), posterior.potential(theta))


def test_the_full_gradient_does_not_depend_on_the_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posterior = make("mlp-7")
    theta = start(posterior, 2)
    whole = posterior.gradient(theta), posterior.potential(theta)
    monkeypatch.setattr("bdlbench.posterior.potential.ROWS", 5)  # 5 + 5 + 2
    torch.testing.assert_close(posterior.gradient(theta), whole[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(posterior.potential(theta), whole[1])


def test_gaussian_likelihood_equals_torchs() -> None:
    outputs, y = torch.randn(2, 5, 1), torch.randn(2, 5)
    expected = torch.distributions.Normal(outputs[..., 0], 0.6).log_prob(y)
    torch.testing.assert_close(Gaussian(0.6).log_prob(outputs, y), expected)


@pytest.mark.parametrize(
    ("likelihood", "outputs", "y"),
    [
        (Categorical(), torch.randn(2, 5, 4), torch.randint(4, (2, 5))),
        (Gaussian(0.6), torch.randn(2, 5, 1), torch.randn(2, 5)),
        (Bernoulli(), torch.randn(2, 5, 1), torch.randint(2, (2, 5)).float()),
    ],
    ids=["categorical", "gaussian", "bernoulli"],
)
def test_a_likelihood_s_slope_is_its_derivative(
    likelihood: Likelihood, outputs: Tensor, y: Tensor
) -> None:
    given = outputs.clone()
    leaf = outputs.clone().requires_grad_()
    (expected,) = torch.autograd.grad(likelihood.log_prob(leaf, y).sum(), leaf)
    torch.testing.assert_close(slope_of(likelihood, outputs, y), expected)
    assert torch.equal(outputs, given)


def test_moments_of_linear_regression_follow_from_its_potential() -> None:
    exact = linear_regression()
    posterior, theta = exact.posterior, exact.mean.float()[None]
    assert posterior.gradient(theta).abs().max() < 1e-2, "U has its minimum at the exact mean"
    # U is quadratic: gradient differences give the exact precision.
    columns = [
        (posterior.gradient(theta + e) - posterior.gradient(theta - e))[0] / 2 for e in torch.eye(2)
    ]
    precision = torch.linalg.inv(exact.covariance)
    torch.testing.assert_close(torch.stack(columns).double(), precision, rtol=1e-4, atol=1e-2)
    assert exact.mean.tolist() == pytest.approx([3, 10], abs=0.25), "slope 3 and intercept 10"


@pytest.mark.parametrize("name", ["resnet", "mlp", "mlp-0", "mlp-", "mlp-10-x"])
def test_an_unknown_model_is_refused_with_the_available_ones(name: str) -> None:
    with pytest.raises(BdlbenchError, match=r"no model .*softmax, mlp-<hidden>"):
        models.build(name)


def test_a_layer_without_a_rule_is_refused_by_name() -> None:
    with pytest.raises(BdlbenchError, match="BatchNorm1d"):
        Network(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))


def test_initial_states_have_the_scale_of_torchs_layers() -> None:
    network = models.build("mlp-50")
    parameters = network.unflatten(network.init(1, torch.Generator().manual_seed(0)))
    bound = 1 / 28  # 1/√784
    weight = parameters["1.weight"]
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert parameters["1.bias"].abs().max() <= bound


def test_building_a_model_does_not_use_global_random_state() -> None:
    before = torch.get_rng_state()
    models.build("lenet5").init(2, torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("chains", [1, 3])
@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(784, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(),
                      nn.Linear(5, 10)),
        nn.Sequential(nn.Flatten(), nn.Linear(784, 6, bias=False), nn.ReLU(), nn.Linear(6, 10)),
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10)),
    ],
)  # fmt: skip
def test_the_handwritten_gradient_equals_autograd(module: nn.Sequential, chains: int) -> None:
    network, posterior = Network(module), make("softmax")
    theta = network.init(chains, torch.Generator().manual_seed(2))
    x = posterior.x.expand(chains, *posterior.x.shape)

    def slope(outputs: Tensor) -> Tensor:
        return slope_of(posterior.likelihood, outputs, posterior.y.expand(chains, -1))

    expected = backward._by_autograd(network, theta, x, slope)
    torch.testing.assert_close(backward.gradient(network, theta, x, slope), expected)


@pytest.mark.parametrize(
    ("layers", "written_out"),
    [
        ([nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)], True),
        ([nn.Linear(4, 2, bias=False)], True),
        ([nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)], False),
        ([nn.Linear(4, 3), nn.Linear(3, 2)], False),
        ([nn.Linear(4, 2), nn.ReLU()], False),
        ([nn.ReLU(), nn.Linear(4, 2)], False),
        ([nn.Linear(4, 3), nn.ReLU(), nn.ReLU(), nn.Linear(3, 2)], False),
    ],
)
def test_only_perceptrons_use_the_handwritten_gradient(
    layers: list[nn.Module], written_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []

    def spy(name: str, network: Network, theta: Tensor, *arguments: Any) -> Tensor:
        called.append(name)
        return theta

    for name in ("_written_out", "_by_autograd"):
        monkeypatch.setattr(backward, name, partial(spy, name))
    network, x = Network(nn.Sequential(*layers)), torch.zeros(1, 5, 4)
    backward.gradient(network, network.init(1, torch.Generator()), x, torch.ones_like)
    assert called == ["_written_out" if written_out else "_by_autograd"]


@pytest.mark.parametrize("chains", [1, 3])
def test_a_linear_layer_acts_on_the_last_of_any_axes(chains: int) -> None:
    network = Network(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 4)))
    rng = torch.Generator().manual_seed(0)
    theta, x = network.init(chains, rng), torch.randn(chains, 5, 6, 3, generator=rng)
    parameters = network.unflatten(theta)
    expected = torch.stack(
        [
            functional_call(network.module, {k: p[chain] for k, p in parameters.items()}, (rows,))
            for chain, rows in enumerate(x)
        ]
    )
    torch.testing.assert_close(network(parameters, x), expected)
    leaf = theta.clone().requires_grad_()
    network(network.unflatten(leaf), x).square().sum().backward()
    found = backward.gradient(network, theta, x, lambda outputs: 2 * outputs)
    torch.testing.assert_close(found, leaf.grad)
