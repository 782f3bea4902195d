"""What the chains of a reference collect of their predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bdlbench.data.examples import Examples
from bdlbench.posterior.likelihoods import Likelihood
from bdlbench.records.densities import Densities
from bdlbench.reference.predictive import Averages, Mixture
from bdlbench.runs.evaluate import TRACED, Predictor, log_likelihoods

KEPT = 400  # draws whose densities are stored, over all chains
KEPT_BYTES = 6 * 2**20  # fewer draws, if they would be larger
FEWEST_KEPT = 40


class Collected(ABC):
    """The predictions for the evaluation sets, in arrays that a checkpoint holds.

    Args:
        predict: Predictor of the evaluation sets.
        sets: The evaluation sets, by name.
        chains: Number of chains.
        samples: States per chain.
    """

    def __init__(
        self, predict: Predictor, sets: Mapping[str, Examples], chains: int, samples: int
    ) -> None:
        self.predict, self.sets = predict, sets
        self._chains, self._samples = chains, samples
        self.arrays: dict[str, NDArray[Any]] = {}

    @abstractmethod
    def add(self, chain: int, index: int, theta: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add the state θ (dim,) of a chain; return its log density of the first test targets."""

    @abstractmethod
    def result(self) -> dict[str, Any]:
        """Return the predictions of the reference, by set, after the last state."""


class ClassProbabilities(Collected):
    """Sums of probabilities over each half of the chains, in logarithms."""

    def __init__(
        self,
        predict: Predictor,
        sets: Mapping[str, Examples],
        chains: int,
        samples: int,
        classes: int,
    ) -> None:
        super().__init__(predict, sets, chains, samples)
        self.arrays = {
            f"log_sum/{name}": np.full((2, len(examples), classes), -np.inf)
            for name, examples in sets.items()
        }

    def add(self, chain: int, index: int, theta: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add the probabilities of all sets."""
        found = self.predict(torch.from_numpy(theta))
        for name, log_p in found.items():
            total = self.arrays[f"log_sum/{name}"][half(chain, self._chains)]
            np.logaddexp(total, log_p.numpy(), out=total)
        return log_likelihoods(found["test"], self.sets["test"].y)

    def result(self) -> dict[str, Averages]:
        """Return the averaged probabilities."""
        draws = self._samples * np.bincount(_halves(self._chains))[:, None, None]
        averages = {}
        for name in self.sets:
            sums = self.arrays[f"log_sum/{name}"]
            mean = np.logaddexp(*sums) - np.log(draws.sum())
            averages[name] = Averages(mean.astype("f4"), (sums - np.log(draws)).astype("f4"))
        return averages


class RealDensities(Collected):
    """Locations and scales of evenly spaced states, in order of chains."""

    def __init__(
        self,
        predict: Predictor,
        sets: Mapping[str, Examples],
        chains: int,
        samples: int,
        df: float,
    ) -> None:
        super().__init__(predict, sets, chains, samples)
        self._df = np.array(df, np.float64)
        inputs = sum(map(len, sets.values()))
        kept = min(KEPT, max(FEWEST_KEPT, KEPT_BYTES // (8 * inputs)))
        self._kept = min(max(1, kept // chains), samples)
        self.arrays = {
            f"{part}/{name}": np.zeros((chains, self._kept, len(examples)), np.float32)
            for name, examples in sets.items()
            for part in ("location", "scale")
        }

    def add(self, chain: int, index: int, theta: NDArray[np.float32]) -> NDArray[np.float32]:
        """Add the densities of all sets, if the state is one of those kept."""
        found = self.predict.densities(torch.from_numpy(theta))
        before, after = (self._kept * i // self._samples for i in (index, index + 1))
        for name, parts in found.items():
            for part, values in zip(("location", "scale"), parts, strict=True):
                self.arrays[f"{part}/{name}"][chain, before:after] = values.float().numpy()
        location, scale = (part[None, :TRACED].float().numpy() for part in found["test"])
        targets = self.sets["test"].y[:TRACED]
        density = Densities(location, scale, self._df, targets)
        return np.asarray(density.log_densities()[0], np.float32)

    def result(self) -> dict[str, Mixture]:
        """Return the mixtures."""
        first = np.array(self._kept * np.bincount(_halves(self._chains))[0], np.int64)
        mixtures = {}
        for name in self.sets:
            location, scale = (
                self.arrays[f"{part}/{name}"].reshape(-1, len(self.sets[name]))
                for part in ("location", "scale")
            )
            constant = bool((scale == scale[:, :1]).all())
            width = scale[:, :1] if constant else scale
            mixtures[name] = Mixture(location, width, self._df, first)
        return mixtures


def collected(
    predict: Predictor,
    sets: Mapping[str, Examples],
    likelihood: Likelihood,
    classes: int | None,
    chains: int,
    samples: int,
) -> Collected:
    """Return what is collected for a likelihood.

    Args:
        predict: Predictor of the evaluation sets.
        sets: The evaluation sets, by name.
        likelihood: The likelihood.
        classes: Number of classes of the training data; None for real targets.
        chains: Number of chains.
        samples: States per chain.
    """
    if classes is None:
        df: float = likelihood.df  # type: ignore[attr-defined]
        return RealDensities(predict, sets, chains, samples, df)
    return ClassProbabilities(predict, sets, chains, samples, classes)


def half(chain: int, chains: int) -> int:
    """Return the half of the chains that a chain belongs to, 0 or 1."""
    return 2 * chain // chains


def _halves(chains: int) -> list[int]:
    return [half(chain, chains) for chain in range(chains)]
