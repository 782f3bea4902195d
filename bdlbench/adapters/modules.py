"""The model as an ordinary module with its data, for libraries that want both."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import vector_to_parameters

from bdlbench.errors import BdlbenchError
from bdlbench.posterior import likelihoods
from bdlbench.problem import Problem


class ModuleAndData(NamedTuple):
    """A model as a module, and what it is trained on.

    Args:
        module: The model; `set_parameters` loads θ.
        x: Training inputs, shape (n, …).
        y: Targets, shape (n,): class numbers, or standardised real numbers.
        likelihood: "categorical", "bernoulli", "gaussian:noise_std=0.5", …
    """

    module: nn.Module
    x: Tensor
    y: Tensor
    likelihood: str

    def set_parameters(self, theta: Tensor) -> nn.Module:
        """Copy the θ of one chain, shape (dim,) or (1, dim), into the module, and return it."""
        vector_to_parameters(theta.detach().flatten().clone(), self.module.parameters())
        return self.module


def module_and_data(problem: Problem) -> ModuleAndData:
    """Return the model as a module of its own, in evaluation mode, and the training data.

    What is computed with them must be reported to `Problem.charge`: a forward and backward pass on
    k training points is k evaluations.

    Raises:
        BdlbenchError: The likelihood has parameters, which no module holds.
    """
    posterior = problem.posterior
    network, likelihood = posterior.network, likelihoods.label(posterior.likelihood)
    if network.constants:
        raise BdlbenchError(f"expected a likelihood without parameters, got {likelihood}")
    module = copy.deepcopy(network.module)
    if any(p.is_meta for p in module.parameters()):
        module = module.to_empty(device=posterior.x.device)
    module = module.to(posterior.x.device).requires_grad_(True).eval()
    found = ModuleAndData(module, posterior.x, posterior.y, likelihood)
    found.set_parameters(torch.zeros(network.dim, device=posterior.x.device))
    return found
