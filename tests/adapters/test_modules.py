"""The model as a module, with its data."""

from __future__ import annotations

import pytest
import torch

from bdlbench.adapters import module_and_data
from bdlbench.errors import BdlbenchError
from bdlbench.posterior import models
from bdlbench.posterior.likelihoods import Categorical
from bdlbench.posterior.potential import Posterior
from bdlbench.posterior.regression import LearntGaussian
from bdlbench.problem import Budget, Problem
from tests.posterior import modules


def posterior_of(name: str) -> Posterior:
    if name in modules.MODULES:
        return modules.posterior(name)
    x = torch.randn(4, 28, 28, generator=torch.Generator().manual_seed(0))
    return Posterior(models.build(name), Categorical(), x, torch.arange(4), 0.5)


@pytest.mark.parametrize("name", ["mlp-3", "residual", "embedding"])
def test_the_module_computes_what_the_problem_does(name: str) -> None:
    problem = Problem(posterior_of(name), Budget(40, 1), chains=2)
    theta, found = problem.init(torch.Generator().manual_seed(1)), module_and_data(problem)
    expected = problem.module(theta, found.x)
    for chain in range(2):
        outputs = found.set_parameters(theta[chain])(found.x)
        torch.testing.assert_close(outputs, expected[chain], rtol=1e-4, atol=1e-5)
    assert problem.epochs == 2, "outputs are charged"
    log_prob = Categorical().log_prob(expected, found.y.expand(2, -1)).sum(1)
    prior = theta.square().sum(1) / (2 * 0.5**2)
    torch.testing.assert_close(
        (prior - log_prob).double(), problem.potential(theta), rtol=1e-5, atol=1e-4
    )
    assert found.likelihood == "categorical"
    assert not found.module.training


def test_the_module_is_a_copy() -> None:
    problem = Problem(posterior_of("residual"), Budget(4, 1))
    found = module_and_data(problem)
    with torch.no_grad():
        next(found.module.parameters()).fill_(7)
    assert not any((p == 7).all() for p in problem.posterior.network.module.parameters())


def test_every_chain_may_have_inputs_of_its_own() -> None:
    problem = Problem(posterior_of("mlp-3"), Budget(40, 1), chains=2)
    theta, x = problem.init(torch.Generator().manual_seed(1)), problem.posterior.x
    batch = torch.tensor([[0, 1], [2, 3]])
    expected = problem.module(theta, x)
    found = problem.module(theta, x[batch])
    torch.testing.assert_close(found[0], expected[0, :2])
    torch.testing.assert_close(found[1], expected[1, 2:])
    assert problem.epochs == 3


def test_a_likelihood_with_parameters_is_refused() -> None:
    with torch.device("meta"):
        network = models.Network(torch.nn.Sequential(torch.nn.Linear(2, 1)), constants=1)
    posterior = Posterior(network, LearntGaussian(), torch.ones(3, 2), torch.ones(3), 1.0)
    with pytest.raises(BdlbenchError, match="likelihood without parameters, got learnt-gaussian"):
        module_and_data(Problem(posterior, Budget(4, 1)))
