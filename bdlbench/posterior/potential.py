"""Posteriors: potential U(θ) and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bdlbench.data.examples import Examples
from bdlbench.data.scaler import Scaler
from bdlbench.errors import BdlbenchError, DataError
from bdlbench.posterior import backward, likelihoods, models
from bdlbench.posterior.likelihoods import Categorical, Likelihood
from bdlbench.posterior.models import Model
from bdlbench.posterior.network import Network

See = Callable[[Tensor, Tensor], None]
_CATEGORICAL = Categorical()
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
            return self.differentiable(theta, batch)

    def differentiable(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return `potential` as a function that autograd can differentiate, also twice."""
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
        return self._gradient(theta, batch, lambda outputs, y: None)

    def value_and_gradient(
        self, theta: Tensor, batch: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return U(θ), float64 (chains,), and ∇U(θ), (chains, dim), at the cost of the gradient."""
        value, scale = 0.5 / self.prior_std**2 * theta.double().square().sum(-1), self._scale(batch)

        def subtract(outputs: Tensor, y: Tensor) -> None:
            value.sub_(self.likelihood.log_prob(outputs, y).double().sum(-1), alpha=scale)

        return value, self._gradient(theta, batch, subtract)

    def _gradient(self, theta: Tensor, batch: Tensor | None, see: See) -> Tensor:
        """Return ∇U; `see` is called with the outputs and targets of every chunk."""
        scale, result = self._scale(batch), None
        for x, y in self._chunks(batch, len(theta)):

            def slope(outputs: Tensor, y: Tensor = y) -> Tensor:
                see(outputs, y)
                return likelihoods.slope(self.likelihood, outputs, y).mul_(-scale)

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
    examples: Examples,
    model: Model | str,
    prior_std: float,
    device: torch.device,
    likelihood: Likelihood = _CATEGORICAL,
) -> tuple[Posterior, Scaler]:
    """Build the posterior of a model on training examples; also return their scaler.

    Args:
        examples: The training examples.
        model: The model, or a reference to it.
        prior_std: Standard deviation of the prior on every parameter.
        device: Device of the data.
        likelihood: log p(y∣x, θ); real targets are standardised.

    Raises:
        BdlbenchError: The data, the likelihood and the model do not fit together, or the model is
            not a function of its parameters.
    """
    if not examples.real and examples.classes is None:
        raise BdlbenchError("expected training examples with labels, got inputs alone")
    try:
        outputs = likelihood.outputs(examples.classes)
    except ValueError as error:
        raise BdlbenchError(f"likelihood {likelihoods.label(likelihood)}: {error}") from error
    try:
        scaler = Scaler.fit(examples)
    except ValueError as error:
        raise DataError(str(error)) from error
    network = models.network(model, examples.x.shape[1:], outputs, likelihood.constants)
    posterior = Posterior(
        network=network,
        likelihood=likelihood,
        x=torch.from_numpy(scaler(examples)).to(device),
        # A copy: a view would let a plugin access the validation labels.
        y=torch.from_numpy(scaler.targets(examples).copy()).to(device),
        prior_std=prior_std,
    )
    models.check(model, network, posterior.x, outputs)
    return posterior, scaler
