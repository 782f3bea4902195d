"""Products with the Hessian of U."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bdlbench.errors import BdlbenchError
from bdlbench.posterior import curvature, models
from bdlbench.posterior.curvature import hvp
from bdlbench.posterior.exact import linear_regression
from bdlbench.posterior.likelihoods import Categorical
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem
from tests.posterior import modules

MODELS = ("mlp-3", "softmax", "residual", "transformer", "recurrent", "embedding")


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(name: str) -> Posterior:
    if name in modules.MODULES:
        return modules.posterior(name, 5)
    x = torch.randn(5, 28, 28, generator=rng())
    return Posterior(models.build(name), Categorical(), x, torch.arange(5), 0.5)


def double(posterior: Posterior) -> Posterior:
    x = posterior.x.double() if posterior.x.is_floating_point() else posterior.x
    return Posterior(posterior.network, Categorical(), x, posterior.y, posterior.prior_std)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch", [None, torch.tensor([[0, 2, 4], [1, 2, 0]])])
def test_it_is_the_derivative_of_the_gradient(name: str, batch: Tensor | None) -> None:
    posterior = double(made(name))
    chains = 1 if name in ("transformer", "recurrent") else 2  # vmap refuses them
    batch = None if batch is None else batch[:chains]
    theta = torch.randn(chains, posterior.network.dim, generator=rng(1), dtype=torch.float64) / 3
    v = torch.randn(theta.shape, generator=rng(2), dtype=torch.float64)
    # In float64, a central difference of step h has an error of O(h²) and one of rounding of
    # O(10⁻¹⁶/h); a kink of a ReLU within ±h has a probability below 10⁻⁴.
    h = 1e-5 / float(v.norm(dim=1).max())
    ahead, behind = (posterior.gradient(theta + s * h * v, batch) for s in (1, -1))
    expected = (ahead - behind) / (2 * h)
    found = hvp(posterior, theta, v, batch)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


def test_much_data_is_summed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior, theta = made("mlp-3"), torch.randn(1, 2395, generator=rng())
    whole = hvp(posterior, theta, theta)
    monkeypatch.setattr(curvature, "ROWS", 2)
    torch.testing.assert_close(hvp(posterior, theta, theta), whole)


def test_it_is_charged_as_two_gradients_and_exact_for_a_gaussian() -> None:
    exact = linear_regression()
    problem = Problem(exact.posterior, Budget(100, 1), chains=2)
    found = problem.hvp(problem.init(rng()), torch.eye(2))
    torch.testing.assert_close(
        found.double(), torch.linalg.inv(exact.covariance), rtol=1e-5, atol=1e-4
    )
    assert problem.epochs == 4
    problem.hvp(problem.init(rng()), torch.eye(2), torch.zeros(2, 25, dtype=torch.int64))
    assert problem.epochs == 5


class Once(torch.autograd.Function):
    """The identity, without a second derivative."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, *slopes: Tensor) -> Tensor:
        raise NotImplementedError("this derivative is not implemented")


class Unusual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = Cut.apply(self.layer(x))
        return found


class Cut(torch.autograd.Function):
    """The identity, whose backward pass can be run, but not differentiated."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: object, *slopes: Tensor) -> Tensor:
        found: Tensor = Once.apply(slopes[0])
        return found


def test_a_model_without_a_second_derivative_is_one_line() -> None:
    posterior = Posterior(
        Network(Unusual(), Unusual), Categorical(), torch.ones(4, 3), torch.arange(4), 1.0
    )
    theta = torch.ones(1, posterior.network.dim)
    with pytest.raises(BdlbenchError, match=r"^the model has no Hessian in torch: this derivative"):
        hvp(posterior, theta, theta)
