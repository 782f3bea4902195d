"""Temperature scaling of stochastic gradient descent."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register
from bdlbench.errors import BdlbenchError
from bdlbench.likelihoods import Heteroscedastic, LearntGaussian
from bdlbench.noise import normal_like
from bdlbench.problem import Budget
from bdlbench.settings import check_range

from .sgd import SGD

LARGEST = 10.0  # τ is sought from 1/10 to 10
HALVINGS = 50  # of the range of log τ, to 4e-15
PROBES = 8  # inputs at most on which the model is tried


@register("temperature-scaling")
@dataclass(frozen=True)
class TemperatureScaling:
    """SGD whose logits are divided by τ, which is fitted on held-out training data; one draw.

    ``sgd`` is run on the training data without the last `held_out` of them, as a validation split
    is made; then τ minimises the NLL of that part, between 1/10 and 10. No test data are used. The
    draw is θ with weights and biases of the output layer divided by τ, which divides the logits by
    τ, and leaves the most probable class as it is. It is not the temperature T of a posterior.

    Of real targets with a learnt noise (``LearntGaussian``, ``Heteroscedastic``), σ is multiplied
    by τ instead; a noise that is fixed leaves nothing to fit, and the draw is that of ``sgd``.

    The budget is that of ``sgd``: what the held-out data cost is charged, too.

    Source: Guo et al. (2017), On calibration of modern neural networks, section 4.2.

    Args:
        learning_rate: Initial η, for the mean loss U/N; it corresponds to a step size ε of 2η/N.
        batch_size: Minibatch size; at most all data but those held out.
        momentum: μ.
        held_out: Fraction of the training data for τ.

    Raises:
        BdlbenchError: The output layer of the model cannot be scaled.
    """

    target: ClassVar[str] = "point"
    learning_rate: float = 0.1
    batch_size: int = 128
    momentum: float = 0.0
    held_out: float = 0.1

    def __post_init__(self) -> None:
        SGD(self.learning_rate, self.batch_size, self.momentum)  # checks them
        check_range(0.01, 0.9, held_out=self.held_out)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Train, fit τ, and yield the scaled state."""
        start, held_out = problem.init(rng), max(1, round(self.held_out * problem.n))
        scaling = _Scaling(problem, held_out)
        scaling.check(problem.prior_std * normal_like(start, rng))
        training = _Training(problem, held_out, start)
        size = min(self.batch_size, training.n)
        (theta,) = SGD(self.learning_rate, size, self.momentum).sample(training, rng)
        yield scaling.of_parameters(theta, scaling.fit(theta))


class _Training(Problem):
    """A problem without its last points; whatever is charged to it is charged to the whole."""

    def __init__(self, whole: Problem, held_out: int, start: Tensor) -> None:
        posterior, n = whole.posterior, whole.n - held_out
        if n < 1:
            raise BdlbenchError(f"expected 2 training points or more, got {whole.n}")
        part = dataclasses.replace(posterior, x=posterior.x[:n], y=posterior.y[:n])
        epochs = (whole.remaining - held_out * whole.chains) / n  # less the outputs that τ needs
        super().__init__(part, Budget(epochs, 1), whole.chains, start=lambda chains, rng: start)
        self._whole = whole

    def charge(self, evaluations: int) -> None:
        super().charge(evaluations)
        self._whole.charge(evaluations)


class _Scaling:
    """Logits divided by τ, or a learnt σ multiplied by τ, through θ and likewise of outputs.

    Args:
        problem: The problem, whose last points are held out.
        held_out: Their number.
    """

    def __init__(self, problem: Problem, held_out: int) -> None:
        posterior = problem.posterior
        self._module, self._likelihood = problem.module, posterior.likelihood
        self._x, self._y = posterior.x[-held_out:], posterior.y[-held_out:]
        *_, last = names = list(posterior.network.shapes)
        self._layer = last.rpartition(".")[0]
        self._scaled = torch.zeros(1, problem.dim, device=self._x.device)
        parts = problem.unflatten(self._scaled)
        for name in names:
            if name.rpartition(".")[0] == self._layer:
                parts[name].fill_(1)
        self._real, learnt = self._likelihood.kind == "real", (LearntGaussian, Heteroscedastic)
        # log σ = log noise_std + spread·ρ: ρ is the last output, and the last of θ or its bias.
        self._rate = 1 / self._likelihood.spread if isinstance(self._likelihood, learnt) else 0.0

    def of_parameters(self, theta: Tensor, log_tau: Tensor) -> Tensor:
        """Return the scaled θ, shape (chains, dim); log τ is of shape (chains, 1)."""
        if self._real:
            return torch.cat([theta[:, :-1], theta[:, -1:] + self._rate * log_tau], dim=-1)
        return theta * torch.exp(-log_tau * self._scaled)

    def of_outputs(self, outputs: Tensor, log_tau: Tensor) -> Tensor:
        """Return the outputs (chains, n, outputs) of the scaled θ."""
        if self._real:
            log_scale = outputs[..., -1:] + self._rate * log_tau[..., None]
            return torch.cat([outputs[..., :-1], log_scale], dim=-1)
        return outputs * torch.exp(-log_tau[..., None])

    def check(self, theta: Tensor) -> None:
        """Check on some inputs that the scaled θ has the scaled outputs.

        Raises:
            BdlbenchError: It has not.
        """
        x, log_tau = self._x[:PROBES], torch.full_like(theta[:, :1], math.log(2))
        with torch.no_grad():
            expected = self.of_outputs(self._module(theta, x), log_tau)
            found = self._module(self.of_parameters(theta, log_tau), x)
        # Rounding scales, too, but the order of sums may differ between calls on a GPU.
        if not torch.allclose(found, expected, rtol=0, atol=1e-3 * float(expected.abs().max())):
            raise BdlbenchError(
                "temperature-scaling: expected a model whose last parameters are a linear output "
                f"layer; to scale those of {self._layer or 'the module'} does not scale the logits"
            )

    def fit(self, theta: Tensor) -> Tensor:
        """Return log τ, shape (chains, 1), with the lowest NLL of the held-out data."""
        with torch.no_grad():
            outputs = self._module(theta, self._x).double()
        y, high = self._y.expand(len(theta), -1), outputs.new_full((len(theta), 1), LARGEST).log()
        low = -high
        for _ in range(HALVINGS):  # the NLL is convex in 1/τ: it rises from its minimum on
            middle = ((low + high) / 2).requires_grad_()
            with torch.enable_grad():
                nll = -self._likelihood.log_prob(self.of_outputs(outputs, middle), y).sum()
                (slope,) = torch.autograd.grad(nll, middle)
            low = torch.where(slope > 0, low, middle.detach())
            high = torch.where(slope > 0, middle.detach(), high)
        return high.to(theta.dtype)
