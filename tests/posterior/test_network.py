"""Any module as a function of flat parameters, compared with the module itself."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from bdlbench.errors import BdlbenchError
from bdlbench.posterior import backward, models
from bdlbench.posterior.likelihoods import Categorical, LearntGaussian
from bdlbench.posterior.network import CONSTANTS, Network
from bdlbench.posterior.potential import Posterior
from bdlbench.posterior.trial import check_forward
from tests.posterior import modules
from tests.posterior.modules import CLASSES, MODULES

UNIT_ROUNDOFF = 2.0**-24  # of float32
# A sum of K terms is off by √K units, as errors are of either sign. The longest, of a gradient over
# the pixels of four images, has 4,096: 64 units. There are at most 20 layers, forwards and back,
# whose errors add up as squares: √40 < 7. The factor 4 covers the chance that it is more, and
# normalisation, which divides by standard deviations of about one half.
TOLERANCE = 4 * 2 * 7 * 64 * UNIT_ROUNDOFF  # 2e-4, relative to the largest number
CHAINS = 3


def rng(seed: int = 2) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def outputs(network: Network, theta: Tensor, x: Tensor) -> Tensor:
    with torch.no_grad():
        return network(network.unflatten(theta), x.expand(len(theta), *x.shape))


def assert_close(found: Tensor, expected: Tensor, tolerance: float = TOLERANCE) -> None:
    bound = tolerance * expected.abs().max().item()
    torch.testing.assert_close(found.double(), expected.double(), rtol=0, atol=bound)


@pytest.mark.parametrize("name", MODULES)
def test_a_chain_equals_its_own_run_and_the_module_in_double_precision(name: str) -> None:
    posterior = modules.posterior(name)
    network, x = posterior.network, posterior.x
    check_forward(network, x, CLASSES)
    theta = network.init(CHAINS, rng())
    batch = torch.stack([torch.randperm(4, generator=rng())[:2] for _ in range(CHAINS)])
    together = outputs(network, theta, x), posterior.potential(theta), posterior.gradient(theta)
    of_batch = posterior.gradient(theta, batch)
    for chain in range(CHAINS):
        one = theta[chain : chain + 1]
        alone = outputs(network, one, x), posterior.potential(one), posterior.gradient(one)
        for several, single in zip(together, alone, strict=True):
            assert_close(several[chain], single[0])
        rows = batch[chain : chain + 1]
        assert_close(of_batch[chain], posterior.gradient(one, rows)[0])
        for single, expected in zip(alone, by_the_module(posterior, one[0]), strict=True):
            assert_close(single[0], expected)


def by_the_module(posterior: Posterior, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return outputs, U and ∇U in float64, by a call of the module and autograd."""
    leaf = theta.double().requires_grad_()
    module, x = posterior.network.module, posterior.x
    x = x.double() if x.is_floating_point() else x
    parts = leaf.split([p.numel() for p in module.parameters()])
    shaped = {
        name: part.view(p.shape)
        for part, (name, p) in zip(parts, module.named_parameters(), strict=True)
    }
    buffers = {name: b.double() for name, b in module.named_buffers()}
    logits = functional_call(module, {**shaped, **buffers}, (x,))
    loss = nn.functional.cross_entropy(logits, posterior.y, reduction="sum")
    potential = loss + leaf.square().sum() / (2 * posterior.prior_std**2)
    (gradient,) = torch.autograd.grad(potential, leaf)
    return logits.detach(), potential.detach(), gradient


@pytest.mark.parametrize("name", ["residual", "transformer"])
def test_the_gradient_is_that_of_the_potential_by_finite_differences(name: str) -> None:
    posterior = modules.posterior(name)  # smooth but for the ReLUs of the encoder layer
    if posterior.x.is_floating_point():
        posterior = dataclasses.replace(posterior, x=posterior.x.double())
    theta = posterior.network.init(1, rng()).double()
    direction = torch.randn(theta.shape, generator=rng(), dtype=torch.float64)
    step = 1e-6 * direction
    difference = posterior.potential(theta + step) - posterior.potential(theta - step)
    slope = (posterior.gradient(theta) * direction).sum().item()
    # Rounding of U, 1e-16·U over the step of 2e-6, is 1e-10·U; the error of third order is less.
    assert difference.item() / 2e-6 == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("chains", [1, CHAINS])
@pytest.mark.parametrize("name", ["softmax", "mlp-6-5", "lenet5"])
def test_the_generic_path_equals_the_fast_one(name: str, chains: int) -> None:
    fast, generic = models.build(name), models.build(name)
    assert fast.layers is not None
    generic.layers = None
    theta, x = fast.init(chains, rng()), torch.randn(6, 28, 28, generator=rng())
    assert_close(outputs(generic, theta, x), outputs(fast, theta, x))
    y = torch.arange(6)
    posteriors = [Posterior(each, Categorical(), x, y, 0.5) for each in (fast, generic)]
    assert_close(posteriors[1].gradient(theta), posteriors[0].gradient(theta))
    assert_close(posteriors[1].potential(theta), posteriors[0].potential(theta))


@pytest.mark.parametrize(
    ("name", "one_by_one"), [("residual", False), ("resnet", False), ("recurrent", True)]
)
def test_chains_take_turns_only_where_an_operation_cannot_be_vectorised(
    name: str, one_by_one: bool
) -> None:
    network = modules.posterior(name).network
    check_forward(network, modules.inputs(name), CLASSES)
    assert network.one_by_one == one_by_one


@pytest.mark.parametrize("name", ["residual", "transformer"])
def test_initial_states_are_the_reset_of_the_module(name: str) -> None:
    network = modules.posterior(name).network
    theta = network.init(CHAINS, rng(5))
    assert torch.equal(theta, network.init(CHAINS, rng(5))), "reproducible"
    assert not torch.equal(theta[0], theta[1]), "every chain has its own"
    parameters = network.unflatten(theta)
    own = dict(MODULES[name]().named_parameters())
    assert {key: tuple(p.shape[1:]) for key, p in parameters.items()} == {
        key: tuple(p.shape) for key, p in own.items()
    }
    for key, drawn in parameters.items():
        layer = key.rpartition(".")[0]
        if "norm" in layer:
            assert torch.equal(drawn, own[key].detach().expand_as(drawn)), "ones and zeros"
        elif "bias" in key and "self_attn" in layer:
            assert not drawn.any(), "attention has no bias at first"


def test_their_distribution_is_that_of_the_reset() -> None:
    def build() -> nn.Module:
        layer = nn.Linear(50, 40)
        nn.init.normal_(layer.weight, 3.0, 0.1)
        return nn.Sequential(layer)

    network = Network(build(), build)
    assert network.layers is not None, "a fast path does not change the initial values"
    weight = network.unflatten(network.init(5, rng()))["0.weight"]
    # The mean of 10,000 numbers of N(3, 0.1²) has a standard deviation of 0.001, and their
    # standard deviation one of 0.1/√20,000 = 0.0007: four of each.
    assert weight.mean().item() == pytest.approx(3, abs=0.004)
    assert weight.std().item() == pytest.approx(0.1, abs=0.003)


@pytest.mark.parametrize("name", ["resnet", "transformer"])
def test_no_global_random_state_is_used_or_changed(name: str) -> None:
    class Model:
        def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
            return MODULES[name]()

    x = modules.inputs(name)
    drawn = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        network = models.network(Model(), x.shape[1:], CLASSES)
        check_forward(network, x, CLASSES)
        drawn.append((network.init(1, rng()), list(network.module.buffers())))
        assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(drawn[0], drawn[1], rtol=0, atol=0)


def test_a_network_without_rebuild_has_no_initial_states() -> None:
    with pytest.raises(BdlbenchError, match=r"expected Network\(ResidualMLP, rebuild=…\)"):
        Network(MODULES["residual"]()).init(1, rng())


class Shared(nn.Module):
    """A layer that is used twice, and one that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.unused = nn.Linear(3, 3), nn.Linear(2, 2)
        self.second = self.first

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.second(torch.tanh(self.first(x)))
        return found


def test_shared_weights_count_once_and_unused_ones_have_the_prior_s_gradient() -> None:
    network = Network(Shared(), Shared)
    assert network.dim == 12 + 6
    posterior = Posterior(
        network, Categorical(), modules.inputs("residual"), torch.arange(4) % 3, 2
    )
    theta = network.init(2, rng())
    torch.testing.assert_close(posterior.gradient(theta)[:, 12:], theta[:, 12:] / 4)
    for chain in range(2):
        assert_close(posterior.gradient(theta)[chain], by_the_module(posterior, theta[chain])[2])


@pytest.mark.parametrize("chains", [1, CHAINS])
@pytest.mark.parametrize("kind", ["perceptron", "layers", "generic"])
def test_a_parameter_of_the_likelihood_is_the_last_of_theta(kind: str, chains: int) -> None:
    activation = nn.ReLU() if kind == "perceptron" else nn.Tanh()
    module = nn.Sequential(nn.Linear(3, 5), activation, nn.Linear(5, 1))
    network = Network(module, constants=1)
    if kind == "generic":
        network.layers = None
        network._rebuild = lambda: module
    x, y = modules.inputs("residual"), torch.arange(4.0)
    theta = network.init(chains, rng())
    assert theta.shape == (chains, network.dim) == (chains, 27)
    assert not theta[:, -1].any(), "it starts at 0"
    theta[:, -1] = torch.linspace(-0.3, 0.4, chains)
    assert torch.equal(network.unflatten(theta)[CONSTANTS], theta[:, -1:])
    found = outputs(network, theta, x)
    assert torch.equal(found[..., 1], theta[:, -1:].expand(chains, 4))
    posterior = Posterior(network, LearntGaussian(0.7, 2.0), x, y, 0.5)
    for chain in range(chains):
        leaf = theta[chain].double().requires_grad_()
        weights = leaf[:-1].split([p.numel() for p in module.parameters()])
        shaped = {
            name: part.view(p.shape)
            for part, (name, p) in zip(weights, module.named_parameters(), strict=True)
        }
        mean = functional_call(module, shaped, (x.double(),))[:, 0]
        noise = torch.distributions.Normal(mean, 0.7 * torch.exp(2 * leaf[-1]))
        potential = leaf.square().sum() / (2 * 0.25) - noise.log_prob(y.double()).sum()
        (gradient,) = torch.autograd.grad(potential, leaf)
        assert_close(posterior.potential(theta)[chain], potential.detach())
        assert_close(posterior.gradient(theta)[chain], gradient)


def test_the_gradient_of_a_network_is_written_for_its_own_leaves_only() -> None:
    network = modules.posterior("residual").network
    theta, x = network.init(2, rng()), modules.inputs("residual").expand(2, 4, 3)
    found = backward.gradient(network, theta, x, torch.ones_like)
    assert found.shape == theta.shape
    assert not theta.requires_grad
    assert all(parameter.grad is None for parameter in network.module.parameters())


@pytest.mark.parametrize(
    "layer",
    [nn.Conv2d(3, 2, 3, padding_mode="circular"), nn.Flatten(0, 1), nn.Softmax(0), nn.Sequential()],
)
def test_layers_whose_rule_would_be_wrong_have_no_fast_path(layer: nn.Module) -> None:
    module = nn.Sequential(nn.Linear(3, 3), layer)
    assert Network(module, lambda: module).layers is None
