"""Temperature scaling: SGD on part of the data, and τ fitted on the rest."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest
import torch
from torch import Tensor, nn

from bdlbench import registry
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.likelihoods import Bernoulli, Categorical, Heteroscedastic, LearntGaussian, Likelihood
from bdlbench.posterior import models
from bdlbench.posterior.exact import conjugate, linear_regression
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem

N, HELD_OUT, CHAINS = 60, 12, 3
UNTRAINED = {"learning_rate": 1e-12}  # the weights are virtually the starting point


def points(likelihood: Likelihood, model: str = "mlp-5", shift: float = 0.0) -> Posterior:
    """Return a posterior on noisy labels or targets; those of the held-out data may be shifted."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(N, 2, generator=rng)
    y = x[:, 0] + 0.8 * torch.randn(N, generator=rng)
    y[-HELD_OUT:] += shift
    real = likelihood.kind == "real"
    outputs = likelihood.outputs(None if real else 3)
    network = models.network(model, (2,), outputs, likelihood.constants)
    return Posterior(network, likelihood, x, y if real else (y > 0).long() + (y > 1).long(), 1.0)


def draw(posterior: Posterior, **settings: float) -> Tensor:
    """Return the draw, shape (chains, dim), with the last fifth held out."""
    given = {"batch_size": 16, "held_out": HELD_OUT / N, **settings}
    plugin = registry.configure(registry.load("samplers", "temperature-scaling"), given)
    problem = Problem(posterior, Budget(20 * CHAINS, 4), CHAINS)
    (theta,) = plugin.sample(problem, torch.Generator().manual_seed(1))
    assert 0.95 * 20 * CHAINS < problem.epochs <= 20 * CHAINS, "the held-out data are charged"
    return torch.Tensor(theta)


def held_out(posterior: Posterior, theta: Tensor) -> tuple[Tensor, Tensor]:
    """Return outputs (chains, n, outputs) and targets of the held-out data, in float64."""
    x = posterior.x[-HELD_OUT:].expand(len(theta), -1, -1)
    outputs = posterior.network(posterior.network.unflatten(theta), x).double()
    return outputs, posterior.y[-HELD_OUT:].expand(len(theta), -1)


def test_tau_minimises_the_held_out_nll_and_leaves_the_most_probable_class() -> None:
    posterior = points(Categorical())
    outputs, y = held_out(posterior, draw(posterior))
    plain, _ = held_out(posterior, draw(points(Categorical(), shift=3.0)))  # trained equally
    assert torch.equal(outputs.argmax(-1), plain.argmax(-1))
    factor = outputs / plain
    torch.testing.assert_close(factor, factor[:, :1, :1].expand_as(factor), rtol=1e-4, atol=0)

    def nll(tau: float) -> Tensor:
        return -Categorical().log_prob(outputs / tau, y).sum(-1)

    # τ is of float32: the NLL is less than 1e-6 above its minimum.
    for other in (0.5, 0.9, 0.99, 1.01, 1.1, 2.0, *factor[:, 0, 0].tolist()):
        assert (nll(1.0) <= nll(other) + 1e-6).all()
    assert (nll(1.0) < nll(0.9) - 1e-6).all()


def test_the_held_out_data_decide_on_the_scale_of_the_last_layer_and_on_nothing_else() -> None:
    posterior = points(Categorical())
    changed = points(Categorical(), shift=3.0)
    assert not torch.equal(posterior.y, changed.y)
    first, second = (posterior.network.unflatten(draw(one)) for one in (posterior, changed))
    for name in ("1.weight", "1.bias"):
        assert torch.equal(first[name], second[name]), "the hidden layer was trained equally"
    for name in ("3.weight", "3.bias"):
        ratio = (first[name] / second[name]).flatten(1)
        torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-5, atol=0)
        assert (ratio[:, 0] - 1).abs().min() > 0.01, "τ was fitted to them"


def test_training_does_not_see_the_held_out_data(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    gradient = Posterior.gradient

    def watched(self: Posterior, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        assert batch is not None
        seen.append(self.x[batch.flatten()])
        return gradient(self, theta, batch)

    monkeypatch.setattr(Posterior, "gradient", watched)
    posterior = points(Categorical())
    draw(posterior)
    used = torch.cat(seen).unique(dim=0)
    assert torch.equal(used, posterior.x[:-HELD_OUT].unique(dim=0))


@pytest.mark.parametrize("ones", [7, 10, 11])
def test_tau_gives_the_held_out_frequency_where_all_inputs_are_equal(ones: int) -> None:
    # z/τ is the logit of the share of the labels, k of 12, whichever z > 0 is.
    network = models.network("softmax", (1,), 1)
    y = torch.cat([torch.zeros(N - ones), torch.ones(ones)])
    posterior = Posterior(network, Bernoulli(), torch.ones(N, 1), y, 1.0)
    start = torch.tensor([[0.5, 0.3], [0.2, 0.7], [1.5, -0.3]])
    problem = Problem(posterior, Budget(60, 1), 3, start=lambda chains, rng: start.clone())
    plugin = registry.configure(
        registry.load("samplers", "temperature-scaling"), {"held_out": HELD_OUT / N, **UNTRAINED}
    )
    (theta,) = plugin.sample(problem, torch.Generator().manual_seed(1))
    outputs, _ = held_out(posterior, theta)
    expected = torch.full_like(outputs, math.log(ones / (HELD_OUT - ones)))
    torch.testing.assert_close(outputs, expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(theta[:, 0] / theta[:, 1], start[:, 0] / start[:, 1])


@pytest.mark.parametrize(("right", "tau"), [(True, 0.1), (False, 10.0)])
def test_tau_has_bounds_where_the_nll_has_no_minimum(right: bool, tau: float) -> None:
    network = models.network("softmax", (1,), 1)
    y = torch.full((N,), float(right))
    posterior = Posterior(network, Bernoulli(), torch.ones(N, 1), y, 1.0)
    problem = Problem(posterior, Budget(20, 1), start=lambda chains, rng: torch.ones(1, 2))
    plugin = registry.configure(registry.load("samplers", "temperature-scaling"), UNTRAINED)
    (theta,) = plugin.sample(problem, torch.Generator().manual_seed(1))
    torch.testing.assert_close(theta, torch.full((1, 2), 1 / tau), rtol=1e-5, atol=0)


@pytest.mark.parametrize("likelihood", [LearntGaussian(0.3), Heteroscedastic(0.3)])
def test_a_learnt_noise_is_scaled_to_the_held_out_residuals(likelihood: LearntGaussian) -> None:
    # −Σ log N(y; f, τ²σ²) is lowest for τ² = mean of (y − f)²/σ²: 1 after scaling.
    posterior = points(likelihood)
    theta = draw(posterior, learning_rate=0.01)
    outputs, y = held_out(posterior, theta)
    location, scale = likelihood.location_scale(outputs)
    ratio = ((y - location) / scale).square().mean(-1)
    torch.testing.assert_close(ratio, torch.ones(CHAINS, dtype=ratio.dtype), rtol=1e-4, atol=0)
    other = draw(points(likelihood, shift=3.0), learning_rate=0.01)
    assert torch.equal(theta[:, :-1], other[:, :-1])
    assert (theta[:, -1] != other[:, -1]).all()


def test_a_learnt_noise_is_at_most_ten_times_as_large() -> None:
    theta = draw(points(LearntGaussian(0.3, spread=3.0), shift=1e4), **UNTRAINED)
    torch.testing.assert_close(theta[:, -1], torch.full((CHAINS,), math.log(10) / 3))  # ρ was 0


def test_with_a_fixed_noise_it_is_the_mode_of_the_training_part() -> None:
    exact = linear_regression()
    posterior = exact.posterior
    part = conjugate(posterior.x[:90], posterior.y[:90], 0.6, 10.0)
    plugin = registry.configure(
        registry.load("samplers", "temperature-scaling"), {"batch_size": 20, "learning_rate": 0.1}
    )
    (theta,) = plugin.sample(Problem(posterior, Budget(200, 1)), torch.Generator().manual_seed(0))
    error = (theta[0].double() - part.mean) / part.covariance.diagonal().sqrt()
    assert (error.abs() < 0.1).all()  # as in the test of sgd
    assert ((exact.mean - part.mean) / part.covariance.diagonal().sqrt()).abs().max() > 0.2


class Saturating(nn.Module):
    """A model whose logits are no linear function of its last parameters, which start at 0."""

    def __init__(self, last: str) -> None:
        super().__init__()
        sizes = {"hidden": (2, 4), "out": (4, 3)}
        for name in sorted(sizes, key=lambda name: name == last):
            self.add_module(name, nn.Linear(*sizes[name]))
        nn.init.zeros_(self.get_parameter(f"{last}.weight"))
        nn.init.zeros_(self.get_parameter(f"{last}.bias"))
        self.bounded = last == "out"

    def forward(self, x: Tensor) -> Tensor:
        hidden, out = self.get_submodule("hidden"), self.get_submodule("out")
        outputs: Tensor = out(hidden(x).tanh())
        return outputs.tanh() if self.bounded else outputs


@pytest.mark.parametrize("last", ["hidden", "out"])
def test_a_model_without_a_linear_output_layer_at_its_end_is_refused(last: str) -> None:
    posterior, network = points(Categorical()), Network(Saturating(last), lambda: Saturating(last))
    with pytest.raises(BdlbenchError, match=f"linear output layer; to scale those of {last} does"):
        draw(dataclasses.replace(posterior, network=network))


@pytest.mark.parametrize("wrong", [{"held_out": 0.0}, {"held_out": 1.0}, {"momentum": 1.0}])
def test_hyperparameters_are_checked(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(PluginError, match=re.escape(f"temperature-scaling: expected {name}")):
        registry.configure(registry.load("samplers", "temperature-scaling"), wrong)
