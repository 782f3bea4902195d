"""Posteriors: potential U(θ) and its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bdlbench.data.examples import Examples
from bdlbench.data.scaler import Scaler
from bdlbench.posterior import backward, models
from bdlbench.posterior.likelihoods import Categorical, Likelihood
from bdlbench.posterior.models import Network

ROWS = 10_000  # training points at a time in full-batch evaluations, to limit memory


@dataclass(frozen=True)
class Posterior:
    """Posterior of a model with its likelihood, a prior N(0, prior_std²), and data.

    Args:
        network: The model, a function of flat parameters.
        likelihood: log p(y∣x, θ).
        x: Inputs, shape (n, …), float32.
        y: Targets, shape (n,).
        prior_std: Standard deviation of the prior, the same for every weight and bias.
    """

    network: Network
    likelihood: Likelihood
    x: Tensor
    y: Tensor
    prior_std: float

    @property
    def n(self) -> int:
        """Number of training points."""
        return len(self.x)

    def potential(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return U(θ) = −Σᵢ log p(yᵢ∣xᵢ,θ) − log p(θ), without the prior's normalisation.

        Args:
            theta: Parameters, shape (chains, dim).
            batch: Indices of a minibatch for each chain, shape (chains, size), for an unbiased
                estimate of U; or None for all the data.

        Returns:
            Shape (chains,), float64: float32 terms are summed in float64.
        """
        with torch.no_grad():
            parameters = self.network.unflatten(theta)
            log_likelihood = torch.stack(
                [
                    self.likelihood.log_prob(self.network(parameters, x), y).double().sum(-1)
                    for x, y in self._chunks(batch, len(theta))
                ]
            ).sum(0)
            prior = 0.5 / self.prior_std**2 * theta.double().square().sum(-1)
            return prior - self._scale(batch) * log_likelihood

    def gradient(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return ∇U(θ), or its unbiased minibatch estimate, shape (chains, dim).

        The estimate scales the minibatch's likelihood term by N/n and adds the exact prior term.
        Arguments as in `potential`.
        """
        scale, result = self._scale(batch), None
        for x, y in self._chunks(batch, len(theta)):

            def slope(outputs: Tensor, y: Tensor = y) -> Tensor:
                return self.likelihood.slope(outputs, y).mul_(-scale)

            part = backward.gradient(self.network, theta, x, slope)
            result = part if result is None else result.add_(part)
        assert result is not None
        return result.add_(theta, alpha=1 / self.prior_std**2)

    def _scale(self, batch: Tensor | None) -> float:
        return 1.0 if batch is None else self.n / batch.shape[-1]

    def _chunks(self, batch: Tensor | None, chains: int) -> list[tuple[Tensor, Tensor]]:
        if batch is not None:
            rows = batch.flatten()  # index_select is twice as fast as x[batch]
            x, y = self.x.index_select(0, rows), self.y.index_select(0, rows)
            return [(x.view(*batch.shape, *x.shape[1:]), y.view(batch.shape))]
        return [
            (x.expand(chains, *x.shape), y.expand(chains, *y.shape))
            for x, y in zip(self.x.split(ROWS), self.y.split(ROWS), strict=True)
        ]


def build_posterior(
    images: Examples,
    model: Any,
    prior_std: float,
    device: torch.device,
    likelihood: Likelihood | None = None,
) -> tuple[Posterior, Scaler]:
    """Build the posterior of a model on training examples; also return their scaler."""
    scaler = Scaler.fit(images)
    posterior = Posterior(
        network=models.build(model) if isinstance(model, str) else model.build((), 10),
        likelihood=likelihood or Categorical(),
        x=torch.from_numpy(scaler(images)).to(device),
        # A copy: a view would let a plugin access the validation labels.
        y=torch.from_numpy(images.y.copy()).to(device),
        prior_std=prior_std,
    )
    return posterior, scaler
