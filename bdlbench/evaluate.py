"""Stream draws through the model, and keep what the metrics need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bdlbench.data import Images, Scaler
from bdlbench.errors import Diverged
from bdlbench.models import Network
from bdlbench.predictions import Predictions

ROWS = 5_000  # of the inputs at a time: bounds the memory of the activations


def predict(
    network: Network,
    draws: Iterable[Tensor],
    sets: Mapping[str, Images],
    scaler: Scaler,
    device: torch.device,
    on_draw: Callable[[], None] = lambda: None,
) -> dict[str, Predictions]:
    """Average the predicted probabilities over draws, for every set of images.

    Probabilities are averaged, never logits (p(y∣x) = E_θ p(y∣x, θ)), in float64.

    Args:
        network: The model.
        draws: Parameters, each of shape (dim,).
        sets: What to predict, by name.
        scaler: The training data's.
        device: Where to compute.
        on_draw: Called after every draw.

    Raises:
        Diverged: A draw is finite, but the outputs of the model with it are not.
    """
    inputs = {name: torch.from_numpy(scaler(images)) for name, images in sets.items()}
    averages = {name: _Average(len(x)) for name, x in inputs.items()}
    for theta in draws:
        parameters = network.unflatten(theta[None].to(device))
        for name, x in inputs.items():
            with torch.no_grad():
                logits = [network(parameters, part[None].to(device))[0] for part in x.split(ROWS)]
            averages[name].add(torch.cat(logits))
        on_draw()
    return {name: averages[name].result(images.labels) for name, images in sets.items()}


class _Average:
    """Accumulate the draws' predictions for one set of inputs."""

    def __init__(self, inputs: int) -> None:
        self._log_sum: Tensor | None = None
        self._entropy = torch.zeros(inputs, dtype=torch.float64)
        self._votes: list[NDArray[np.uint8]] = []

    def add(self, logits: Tensor) -> None:
        log_p = logits.double().cpu().log_softmax(-1)
        if not bool(log_p.float().isfinite().all()):
            raise Diverged("the model's outputs are not finite")
        self._entropy -= (log_p.exp() * log_p).sum(-1)
        self._votes.append(log_p.argmax(-1).to(torch.uint8).numpy())
        previous = self._log_sum
        self._log_sum = log_p if previous is None else torch.logaddexp(previous, log_p)

    def result(self, labels: NDArray[np.int64]) -> Predictions:
        assert self._log_sum is not None, "there must be at least one draw"
        log_mean = self._log_sum - np.log(len(self._votes))
        entropy = self._entropy / len(self._votes)
        return Predictions(
            log_probabilities=log_mean.float().numpy(),
            expected_entropy=entropy.float().numpy(),
            votes=np.stack(self._votes),
            labels=labels,
        )
