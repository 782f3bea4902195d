from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from laplace import Laplace
from torch import Generator, Tensor
from torch.utils.data import DataLoader, TensorDataset

from bdlbench import Problem, adapters, register


@register("laplace-full")
@dataclass(frozen=True)
class LaplaceFull:
    """The Laplace approximation of laplace-torch with the full Gauss-Newton matrix.

    Gradient descent finds the mode within the first four fifths of the budget.
    """

    target: ClassVar[str] = "approximate"
    step_size: float = 1e-4
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, state, fitted = problem.init(rng), adapters.RandomState(rng), []
        for batch, _ in problem.steps(self.batch_size, rng, until=0.8):
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
        for chain in theta:
            with state:  # a DataLoader draws from torch's global generator
                fitted.append(fit := self._fit(problem, chain))
            problem.charge(problem.n * fit.n_outputs)  # a backward pass for each output
        for _ in range(problem.draws):
            yield torch.cat([fit.sample(1, generator=rng) for fit in fitted])

    def _fit(self, problem: Problem, theta: Tensor) -> Any:
        model = adapters.module_and_data(problem)
        kind, _, settings = model.likelihood.partition(":")
        known = {"prior_precision": problem.prior_std**-2}
        if kind == "gaussian":
            known["sigma_noise"] = float(settings.removeprefix("noise_std="))
        likelihood = {"gaussian": "regression", "categorical": "classification"}[kind]
        fit = Laplace(model.set_parameters(theta), likelihood, "all", "full", **known)
        y = model.y[:, None] if likelihood == "regression" else model.y
        fit.fit(DataLoader(TensorDataset(model.x, y), self.batch_size))
        return fit
