"""Predict the evaluation sets with every draw, and accumulate what the metrics need."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bdlbench.data.examples import Examples
from bdlbench.data.scaler import Scaler
from bdlbench.errors import Diverged
from bdlbench.metrics.functions import predictive_entropy
from bdlbench.posterior.likelihoods import Categorical, Likelihood
from bdlbench.posterior.models import Network
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import IN_DISTRIBUTION, Predictions
from bdlbench.records.quantization import shorten, to_probabilities

_CATEGORICAL = Categorical()
ROWS = 5_000  # inputs per forward pass: bounds the memory of the activations
TRACED = 200  # inputs whose log p(label) is stored for every draw
FOLLOWED = 500  # inputs whose votes and learning curve are stored


class Predictor:
    """Predict sets of inputs, one draw at a time.

    Args:
        network: The model.
        sets: Examples by name.
        scaler: Scaler of the training data.
        device: Device of the forward passes.
        likelihood: The likelihood.
    """

    def __init__(
        self,
        network: Network,
        sets: Mapping[str, Examples],
        scaler: Scaler,
        device: torch.device,
        likelihood: Any = _CATEGORICAL,
    ) -> None:
        self._network, self._device, self._likelihood = network, device, likelihood
        self._scaler = scaler
        self._inputs = {name: torch.from_numpy(scaler(examples)) for name, examples in sets.items()}

    def __call__(self, theta: Tensor) -> dict[str, Tensor]:
        """Return log-probabilities, float64 (inputs, classes), of every set for θ (dim,).

        Raises:
            Diverged: The model's outputs are not finite.
        """
        found = {}
        for name, outputs in self._outputs(theta):
            found[name] = self._likelihood.log_probabilities(outputs)[0]
            _check_finite(found[name].float())
        return found

    def densities(self, theta: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Return location and scale, float64 (inputs,), of every set for θ (dim,).

        They are in the units of the targets: the standardisation is undone.

        Raises:
            Diverged: They are not finite.
        """
        found = {}
        mean, std = self._scaler.target_mean, self._scaler.target_std
        for name, outputs in self._outputs(theta):
            location, scale = (part[0] for part in self._likelihood.location_scale(outputs))
            found[name] = location * std + mean, scale * std
            for part in found[name]:
                _check_finite(part.float())
        return found

    def _outputs(self, theta: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Yield the outputs of every set, float64 (1, inputs, outputs)."""
        parameters = self._network.unflatten(theta[None].to(self._device))
        for name, x in self._inputs.items():
            with torch.no_grad():
                parts = [part[None].to(self._device) for part in x.split(ROWS)]
                outputs = torch.cat([self._network(parameters, part) for part in parts], dim=1)
            yield name, outputs.double().cpu()


def predict(
    network: Network,
    draws: Iterable[Tensor],
    sets: Mapping[str, Examples],
    scaler: Scaler,
    device: torch.device,
    on_draw: Callable[[], None] = lambda: None,
    epochs: Sequence[float] = (),
    likelihood: Likelihood = _CATEGORICAL,
) -> dict[str, Any]:
    """Average the predictive densities over draws: p(y∣x) = E_θ p(y∣x, θ), in float64.

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
    predictor = Predictor(network, sets, scaler, device, likelihood)
    real = likelihood.kind == "real"
    collected: dict[str, Any] = {
        name: _Mixture(examples, likelihood) if real else _Average(_labels(examples))
        for name, examples in sets.items()
    }
    for theta in draws:
        predicted: Mapping[str, Any] = predictor.densities(theta) if real else predictor(theta)
        for name, values in predicted.items():
            collected[name].add(values)
        on_draw()
    return {
        name: each.result(epochs if name in IN_DISTRIBUTION else ())
        for name, each in collected.items()
    }


def _labels(examples: Examples) -> NDArray[np.int64]:
    """Return the labels; of an OOD set with real targets, zeros."""
    return np.zeros(len(examples), np.int64) if examples.real else examples.y


def _check_finite(values: Tensor) -> None:
    if not bool(values.isfinite().all()):
        raise Diverged("the model's outputs are not finite")


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


class _Mixture:
    """The densities of all draws for one set."""

    def __init__(self, examples: Examples, likelihood: Any) -> None:
        self._targets = examples.y if examples.real else np.zeros(len(examples))
        self._df = np.array(likelihood.df, np.float64)
        self._location: list[NDArray[np.float32]] = []
        self._scale: list[NDArray[np.float32]] = []

    def add(self, density: tuple[Tensor, Tensor]) -> None:
        location, scale = (part.float().numpy() for part in density)
        self._location.append(location)
        self._scale.append(scale[:1] if (scale == scale[0]).all() else scale)

    def result(self, epochs: Sequence[float]) -> Densities:
        location = np.stack(self._location)
        width = max(map(len, self._scale))
        scales = [np.broadcast_to(scale, (width,)) for scale in self._scale]
        history = np.array(epochs, np.float64) if epochs else None
        return Densities(location, np.stack(scales), self._df, self._targets, history)


def _entropy(log_p: Tensor) -> Tensor:
    return -(log_p.exp() * log_p).sum(-1)
