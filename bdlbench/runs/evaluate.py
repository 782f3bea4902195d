"""Predict the evaluation sets with every draw, and accumulate what the metrics need."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bdlbench.data.examples import Examples
from bdlbench.data.scaler import Scaler
from bdlbench.errors import Diverged
from bdlbench.metrics.functions import predictive_entropy
from bdlbench.posterior.likelihoods import Likelihood
from bdlbench.posterior.models import Network
from bdlbench.records.predictions import IN_DISTRIBUTION, Predictions
from bdlbench.records.quantization import shorten, to_probabilities

ROWS = 5_000  # inputs per forward pass: bounds the memory of the activations
TRACED = 200  # inputs whose log p(label) is stored for every draw
FOLLOWED = 500  # inputs whose votes and learning curve are stored


class Predictor:
    """Predict sets of images, one draw at a time.

    Args:
        network: The model.
        sets: Examples by name.
        scaler: Scaler of the training data.
        device: Device of the forward passes.
    """

    def __init__(
        self, network: Network, sets: Mapping[str, Examples], scaler: Scaler, device: torch.device
    ) -> None:
        self._network, self._device = network, device
        self._inputs = {name: torch.from_numpy(scaler(images)) for name, images in sets.items()}

    def __call__(self, theta: Tensor) -> dict[str, Tensor]:
        """Return log-probabilities, float64 (inputs, classes), of every set for θ (dim,).

        Raises:
            Diverged: The model's outputs are not finite.
        """
        parameters = self._network.unflatten(theta[None].to(self._device))
        found = {}
        for name, x in self._inputs.items():
            with torch.no_grad():
                parts = [part[None].to(self._device) for part in x.split(ROWS)]
                logits = torch.cat([self._network(parameters, part)[0] for part in parts])
            found[name] = logits.double().cpu().log_softmax(-1)
            if not bool(found[name].float().isfinite().all()):
                raise Diverged("the model's outputs are not finite")
        return found


def predict(
    network: Network,
    draws: Iterable[Tensor],
    sets: Mapping[str, Examples],
    scaler: Scaler,
    device: torch.device,
    on_draw: Callable[[], None] = lambda: None,
    epochs: Sequence[float] = (),
    likelihood: Likelihood | None = None,
) -> dict[str, Predictions]:
    """Average the predicted probabilities over draws: p(y∣x) = E_θ p(y∣x, θ), in float64.

    Args:
        network: The model.
        draws: Parameters, each of shape (dim,).
        sets: Examples by name.
        scaler: Scaler of the training data.
        device: Device of the forward passes.
        on_draw: Called after every draw.
        epochs: Epochs used up to each draw; if given, the history of the in-distribution set is
            included.
        likelihood: The likelihood.

    Raises:
        Diverged: The model's outputs are not finite for a draw.
    """
    predictor = Predictor(network, sets, scaler, device)
    averages = {name: _Average(images.y) for name, images in sets.items()}
    for theta in draws:
        for name, log_p in predictor(theta).items():
            averages[name].add(log_p)
        on_draw()
    return {
        name: average.result(epochs if name in IN_DISTRIBUTION else ())
        for name, average in averages.items()
    }


def log_likelihoods(log_p: Tensor, labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return log p(label) of the first `TRACED` inputs, from log-probabilities of all inputs."""
    chosen = log_p[:TRACED].gather(1, torch.from_numpy(labels[:TRACED, None]))
    return chosen[:, 0].float().numpy()


class _Average:
    """Running average over draws of the predictions for one set."""

    def __init__(self, labels: NDArray[np.int64]) -> None:
        self._labels = labels
        self._log_sum: Tensor | None = None
        self._entropy = torch.zeros(len(labels), dtype=torch.float64)
        self._votes: list[NDArray[np.uint8]] = []
        self._trace: list[NDArray[np.float32]] = []
        self._curve: list[NDArray[np.float16]] = []

    def add(self, log_p: Tensor) -> None:
        self._entropy += _entropy(log_p)
        self._trace.append(log_likelihoods(log_p, self._labels))
        if len(self._votes).bit_count() == 1:  # after 1, 2, 4, 8, … draws
            self._curve.append(shorten(self._log_mean()[:FOLLOWED].numpy()).astype(np.float16))
        self._votes.append(log_p[:FOLLOWED].argmax(-1).to(torch.uint8).numpy())
        previous = self._log_sum
        self._log_sum = log_p if previous is None else torch.logaddexp(previous, log_p)

    def result(self, epochs: Sequence[float]) -> Predictions:
        log_mean = self._log_mean()
        log_probabilities = shorten(log_mean.numpy())
        information = _entropy(log_mean) - self._entropy / len(self._votes)
        rounded = predictive_entropy(to_probabilities(log_probabilities))
        averaged = Predictions(
            log_probabilities=log_probabilities,
            expected_entropy=(rounded - information.numpy()).astype(np.float32),
            votes=np.stack(self._votes),
            labels=self._labels,
        )
        if not epochs:
            return averaged
        return replace(
            averaged,
            trace=shorten(np.stack(self._trace)),
            curve=np.array(self._curve, np.float16).reshape(-1, *log_mean[:FOLLOWED].shape),
            epochs=np.array(epochs, np.float64),
        )

    def _log_mean(self) -> Tensor:
        assert self._log_sum is not None, "there must be at least one draw"
        return self._log_sum - math.log(len(self._votes))


def _entropy(log_p: Tensor) -> Tensor:
    return -(log_p.exp() * log_p).sum(-1)
