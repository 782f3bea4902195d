"""MC dropout: masks and objective."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bdlbench import registry
from bdlbench.errors import BdlbenchError
from bdlbench.posterior import models
from bdlbench.posterior.exact import linear_regression
from bdlbench.posterior.likelihoods import Categorical, Gaussian
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem


def images() -> Posterior:
    x = torch.randn(20, 28, 28, generator=torch.Generator().manual_seed(0))
    return Posterior(models.build("lenet5"), Categorical(), x, torch.arange(20) % 10, prior_std=1.0)


def mlp() -> Posterior:
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    with torch.device("meta"):
        layers = (nn.Linear(3, 40), nn.ReLU(), nn.Linear(40, 30), nn.ReLU(), nn.Linear(30, 1))
        network = Network(nn.Sequential(*layers))
    return Posterior(network, Gaussian(1.0), x, x[:, 0], prior_std=1.0)


def sample(problem: Problem, **settings: float) -> list[dict[str, Tensor]]:
    plugin = registry.configure(
        registry.load("samplers", "mc-dropout"), {"batch_size": 10, **settings}
    )
    draws = plugin.sample(problem, torch.Generator().manual_seed(1))
    return [problem.unflatten(theta.clone()) for theta in draws]


def test_masks_drop_hidden_units_and_nothing_else() -> None:
    draws = sample(Problem(mlp(), Budget(100, 100), chains=2), dropout=0.3)
    for name in ("0.weight", "0.bias", "2.bias", "4.bias"):
        assert all(torch.equal(draw[name], draws[0][name]) for draw in draws)
    for name in ("2.weight", "4.weight"):
        stack = torch.stack([draw[name] for draw in draws])  # draw, chain, out, in
        largest = stack.abs().amax(0)
        kept = stack != 0
        # Units are dropped completely, the others scaled equally.
        assert torch.equal(kept, kept[:, :, :1].expand_as(kept) & (largest > 0))
        torch.testing.assert_close(stack.abs(), largest * kept)
        masks = kept[:, :, 0].double()
        k = masks.numel()
        assert abs(masks.mean() - 0.7) < 4 * (0.3 * 0.7 / k) ** 0.5
        assert not torch.equal(masks[:, 0], masks[:, 1]), "every chain has its own masks"


def test_kept_weights_are_scaled_up_so_that_the_mean_over_masks_is_the_weight() -> None:
    learned = {"learning_rate": 1e-12}  # virtually no training: the weights are the starting point
    problem = Problem(mlp(), Budget(10, 10))
    weights = problem.unflatten(problem.init(torch.Generator().manual_seed(1)))
    for draw in sample(problem, dropout=0.5, **learned):
        ratio = draw["4.weight"] / weights["4.weight"]
        assert set(ratio.flatten().round(decimals=4).tolist()) == {0.0, 2.0}


def test_in_a_convolution_a_unit_is_a_feature_map() -> None:
    problem = Problem(images(), Budget(1, 2))
    for draw in sample(problem, dropout=0.5):
        kept = draw["4.weight"] != 0  # the second convolution: (chains, 16, 6, 5, 5)
        assert torch.equal(kept, kept[:, :1, :, :1, :1].expand_as(kept))
        assert 0 < kept.double().mean() < 1


def test_it_minimises_the_mean_potential_over_masks() -> None:
    # y = w₂·w₁ with one unit, y = 1, no bias, two data: the mean of U over the masks is
    # (1 − w₁w₂·m)² + (w₁² + m²w₂²)/2 with m = 0 or 2: ½[1 + (1 − 2w₁w₂)²] + w₁²/2 + w₂².
    with torch.device("meta"):
        layers = (nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
        network = Network(nn.Sequential(*layers))
    one = torch.ones(2, 1)
    problem = Problem(Posterior(network, Gaussian(1.0), one, one[:, 0], 1.0), Budget(4000, 200))
    for draw in sample(problem, dropout=0.5, batch_size=2, learning_rate=0.05):
        first, masked = draw["0.weight"].item(), draw["1.weight"].item()
        second = masked / 2
        if masked == 0:
            continue
        slopes = (
            -2 * second * (1 - 2 * first * second) + first,
            -2 * first * (1 - 2 * first * second) + 2 * second,
        )
        assert slopes == pytest.approx((0, 0), abs=0.05)
        assert abs(first * second) > 0.05, "a minimum at 0 would not test it"


def test_a_model_without_hidden_layers_is_a_point_estimate() -> None:
    exact = linear_regression()
    plugin = registry.configure(registry.load("samplers", "mc-dropout"), {"batch_size": 10})
    problem = Problem(exact.posterior, Budget(200, 3))
    draws = list(plugin.sample(problem, torch.Generator().manual_seed(1)))
    error = draws[0][0] - exact.mean
    assert (error.abs() < 0.1 * exact.covariance.diagonal().sqrt()).all()
    assert len(draws) == 3
    assert torch.equal(draws[0], draws[2])


def test_in_a_residual_network_every_layer_but_the_first_has_masks() -> None:
    network = models.network("resnet8:width=4", (3, 8, 8), 3)
    x = torch.randn(20, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    problem = Problem(
        Posterior(network, Categorical(), x, torch.arange(20) % 3, 1.0), Budget(20, 40)
    )
    draws = sample(problem, dropout=0.3)
    for name, shape in network.shapes.items():
        stack = torch.stack([draw[name][0] for draw in draws])
        if len(shape) < 2 or name == "0.0.weight":
            assert torch.equal(stack, stack[:1].expand_as(stack)), name
            continue
        units = (stack != 0).transpose(1, 2).flatten(2)  # draw, unit, the weights it enters by
        assert torch.equal(units.any(-1), units.all(-1)), f"{name}: units are dropped completely"
        k = units[..., 0].numel()
        assert abs(units[..., 0].double().mean() - 0.7) < 4 * (0.3 * 0.7 / k) ** 0.5, name


def test_with_groups_a_unit_is_dropped_in_its_own_group() -> None:
    def build() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Conv2d(4, 6, 1, groups=2), nn.Flatten()
        )

    x = torch.randn(10, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    network = Network(build(), build)
    problem = Problem(
        Posterior(network, Categorical(), x, torch.arange(10) % 6, 1.0), Budget(30, 30)
    )
    draws = sample(problem, dropout=0.5)
    kept = torch.stack([draw["2.weight"][0, ..., 0, 0] != 0 for draw in draws])  # draw, 6 out, 2 in
    groups = kept.view(30, 2, 3, 2)
    assert torch.equal(groups.any(2), groups.all(2)), "all outputs of the group lose the unit"
    assert not torch.equal(groups[:, 0], groups[:, 1]), "the groups read other units"


def test_a_model_whose_hidden_units_are_not_found_is_refused_in_one_line() -> None:
    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 4), nn.Parameter(torch.ones(4, 1))

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.first(x) @ self.second
            return found

    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    problem = Problem(Posterior(Network(Product(), Product), Gaussian(1.0), x, x[:, 0], 1.0),
                      Budget(3, 2))  # fmt: skip
    with pytest.raises(BdlbenchError, match="hidden units of second cannot be found in matmul"):
        sample(problem)
