"""Whether a run's draws look as if they came from its posterior: temperatures and drift.

For draws from exp(−U/T), E[θ·∇U] = d·T over any d parameters, by partial integration: the
configurational temperature (Butler, Ayton, Jepps & Evans, 1998, Configurational temperature).
A sampler may be certified, and a run of it still be too warm in a layer for which its step is
large, or not have arrived.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch
from torch import Tensor

from bdlbench.metrics.convergence import bulk_ess
from bdlbench.metrics.functions import Float64s
from bdlbench.noise import generator
from bdlbench.posterior.network import CONSTANTS
from bdlbench.posterior.potential import Posterior
from bdlbench.runs.draws import Draws

FEWEST = 20  # draws
EXAMINED = 50  # draws, evenly spaced
PRODUCTS = 10**9  # training points times parameters up to which all points are used
POINTS = 5_000  # random training points of a draw, else: unbiased for the temperatures
POTENTIAL, DRIFT, TEMPERATURE = "run.potential", "run.drift", "run.temperature."


def diagnose(posterior: Posterior, draws: Draws, seed: int) -> dict[str, float]:
    """Return the diagnostics of a run, by name.

    Args:
        posterior: The posterior that the draws should be from.
        draws: The draws, in the order of time.
        seed: Of the random training points.

    Returns:
        ``run.potential``: the mean of U. ``run.drift``: the mean of U over the last quarter of the
        draws less that over the third, in standard deviations of U. ``run.temperature.<name>`` for
        every tensor and every layer: E[θ·∇U]/d, with its standard error as ``….error``. Empty for
        fewer than 20 draws, and where the potential is not finite.
    """
    if len(draws) < FEWEST:
        return {}
    potentials, products = _products(posterior, draws, seed)
    if not np.isfinite(potentials).all():
        return {}
    found = {POTENTIAL: float(potentials.mean()), DRIFT: _drift(potentials)}
    for name, values in _means(posterior, products).items():
        found[TEMPERATURE + name] = float(values.mean())
        found[f"{TEMPERATURE}{name}.error"] = _error(values)
    return found


def _products(posterior: Posterior, draws: Draws, seed: int) -> tuple[Float64s, Tensor]:
    """Return U, (examined,), and θ·∇U of every parameter, float64 (examined, dim)."""
    chosen = set(np.linspace(0, len(draws) - 1, min(len(draws), EXAMINED)).astype(int).tolist())
    rng = generator(seed, posterior.x.device)
    potentials, products = [], []
    for index, theta in enumerate(draws):
        if index in chosen:
            theta = theta[None].to(posterior.x.device)
            potential, gradient = posterior.value_and_gradient(theta, _batch(posterior, rng))
            potentials.append(float(potential))
            products.append((theta * gradient)[0].double().cpu())
    return np.array(potentials), torch.stack(products)


def _batch(posterior: Posterior, rng: torch.Generator) -> Tensor | None:
    """Return random training points for a draw; None for all of them."""
    if posterior.n * posterior.network.dim <= PRODUCTS or posterior.n <= POINTS:
        return None
    return torch.randperm(posterior.n, generator=rng, device=rng.device)[None, :POINTS]


def _means(posterior: Posterior, products: Tensor) -> dict[str, Float64s]:
    """Return the mean of θ·∇U over the parameters of every layer and tensor, (examined,)."""
    tensors = posterior.network.unflatten(products)
    layers: dict[str, list[str]] = defaultdict(list)
    for name in tensors:
        if name != CONSTANTS:
            layers[name.rpartition(".")[0] or name].append(name)
    flat = {name: tensor.flatten(1).numpy() for name, tensor in tensors.items()}
    groups = {**layers, **{name: [name] for name in flat}}
    return {
        name: np.concatenate([flat[part] for part in parts], axis=1).mean(axis=1)
        for name, parts in groups.items()
    }


def _drift(potentials: Float64s) -> float:
    quarter = len(potentials) // 4
    third, last = potentials[-2 * quarter : -quarter], potentials[-quarter:]
    spread = float(potentials[-2 * quarter :].std(ddof=1))
    return float(last.mean() - third.mean()) / spread if spread else 0.0


def _error(values: Float64s) -> float:
    """Return the standard error of the mean of a correlated series."""
    size = max(float(bulk_ess(values[None, :, None])[0]), 1.0)
    return float(values.std(ddof=1)) / float(np.sqrt(min(size, len(values))))
