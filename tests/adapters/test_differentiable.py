"""U(θ) under autograd."""

from __future__ import annotations

import pytest
import torch

from bdlbench.adapters import torch_potential
from bdlbench.errors import BdlbenchError
from tests.adapters.known import problem, rng


def test_its_value_and_gradient_are_those_of_the_problem() -> None:
    made, again = problem(100, 3), problem(100, 3)
    theta, batch = made.init(rng()), torch.arange(12).view(3, 4)
    potential = torch_potential(made)
    for rows in (None, batch):
        leaf = theta.clone().requires_grad_()
        value = potential(leaf, rows)
        value.sum().backward()
        assert torch.equal(value, again.potential(theta, rows))
        torch.testing.assert_close(leaf.grad, again.gradient(theta, rows), rtol=1e-5, atol=1e-3)
    assert made.epochs * 2 == again.epochs == 2 * 3 * 1.04


def test_one_chain_is_a_vector() -> None:
    made = problem(100, 3)
    potential, theta = torch_potential(made), made.init(rng())
    value = potential(theta[1])
    assert value.shape == ()
    assert made.epochs == 1
    assert value == potential(theta)[1]
    batch = torch.arange(5)
    assert potential(theta[1], batch) == potential(theta[1:2], batch[None])[0]


def test_functional_transforms_see_it() -> None:
    made = problem(100, 2)
    potential, theta = torch_potential(made), made.init(rng())
    gradient = torch.func.grad(lambda t: potential(t).sum())(theta)
    torch.testing.assert_close(gradient, made.gradient(theta), rtol=1e-5, atol=1e-3)
    with pytest.raises(BdlbenchError, match=r"θ of shape \(chains, dim\) instead of torch.func"):
        torch.func.vmap(torch.func.grad(potential))(theta)


def test_another_shape_is_refused() -> None:
    with pytest.raises(BdlbenchError, match=r"expected θ of shape \(2,\) or \(chains, 2\), got"):
        torch_potential(problem(100))(torch.zeros(2, 3))
