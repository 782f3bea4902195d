"""U(θ) for libraries that differentiate it by torch's autograd."""

from __future__ import annotations

import torch
from torch import Tensor

from bdlbench.errors import BdlbenchError
from bdlbench.problem import Problem


class TorchPotential:
    """U(θ), differentiable by autograd and `torch.func`; every evaluation is charged like ∇U.

    Its gradient costs no more. Higher derivatives do: report them to `Problem.charge`.

    Args:
        problem: The problem.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def __call__(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return U(θ) or its unbiased minibatch estimate, float64.

        Args:
            theta: Parameters, shape (chains, dim) with any number of chains, or (dim,).
            batch: Indices of a minibatch, shape (chains, size), or (size,); None for all data.

        Returns:
            Shape (chains,), or a scalar.

        Raises:
            BdlbenchError: The shapes are others, or θ is inside of `torch.func.vmap`.
        """
        posterior = self._problem.posterior
        if theta.dim() not in (1, 2) or theta.shape[-1] != self._problem.dim:
            raise BdlbenchError(
                f"expected θ of shape ({self._problem.dim},) or (chains, {self._problem.dim}), got "
                f"{tuple(theta.shape)}"
            )
        if _is_batched(theta):  # the number of evaluations cannot be seen from within
            raise BdlbenchError("expected θ of shape (chains, dim) instead of torch.func.vmap")
        if theta.dim() == 1:
            return self(theta[None], None if batch is None else batch[None])[0]
        points = posterior.n if batch is None else batch.shape[-1]
        self._problem.charge(len(theta) * points)
        return posterior.differentiable(theta.float(), batch)  # Pyro passes float64


def torch_potential(problem: Problem) -> TorchPotential:
    """Return U(θ) as a function that autograd can differentiate, and that charges `problem`."""
    return TorchPotential(problem)


def _is_batched(theta: Tensor) -> bool:
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(theta):
        if functorch.is_batchedtensor(theta):
            return True
        theta = functorch.get_unwrapped(theta)
    return False
