"""Time predictions of mlp-400-400 against their matrix products, and measure peak memory."""

from __future__ import annotations

import multiprocessing

import numpy as np
import torch

from bdlbench.data.examples import Examples
from bdlbench.data.scaler import Scaler
from bdlbench.posterior import models
from bdlbench.runs import machine
from bdlbench.runs.evaluate import predict
from benchmarks.alternate import Action, alternate
from benchmarks.figures import Figure

IMAGES, DRAWS = 20_000, 10
SIZES = (500, 1_000, 5_000)  # batch sizes of the matrix products
CPU = torch.device("cpu")


def measure(rounds: int) -> list[Figure]:
    """Return the time for 100 draws, and the peak memory in a separate process."""
    network, draws, images, scaler = _setting()
    flat = torch.from_numpy(scaler(images)).flatten(1)
    actions: dict[str, tuple[Action, int]] = {
        "predict": (lambda: predict(network, draws, {"test": images}, scaler, CPU), DRAWS)
    }
    actions |= {f"{rows}": (_forward_products(flat, rows), 1) for rows in SIZES}
    timings = alternate(actions, max(3, rounds // 3))
    ratio = timings.ratio("predict", *map(str, SIZES))
    seconds = 100 * timings.median("predict")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        peak = pool.apply(_peak_memory)
    name = "100 draws' predictions of 20,000 images"
    return [
        Figure(name, seconds, "s", ratio, "its matrix products", 1 / 0.7),
        Figure("peak memory of a process that predicts", peak / 1e9, "GB", bar=1.0),
    ]


def _setting() -> tuple[models.Network, list[torch.Tensor], Examples, Scaler]:
    network, rng = models.build("mlp-400-400"), torch.Generator().manual_seed(0)
    draws = [theta[0] for theta in network.init(DRAWS, rng).split(1)]
    numbers = np.random.default_rng(0)
    pixels = numbers.integers(256, size=(IMAGES, 28, 28), dtype=np.uint8)
    images = Examples(pixels, numbers.integers(10, size=IMAGES), 10)
    return network, draws, images, Scaler.fit(images)


def _peak_memory() -> int:
    torch.set_num_threads(1)
    network, draws, images, scaler = _setting()
    machine.reset_peak_memory(CPU)
    predict(network, draws, {"test": images}, scaler, CPU)
    return machine.peak_memory(CPU)


def _forward_products(x: torch.Tensor, rows: int) -> Action:
    shapes = [s for s in models.build("mlp-400-400").shapes.values() if len(s) == 2]
    weights = [torch.randn(*shape) / np.sqrt(shape[1]) for shape in shapes]

    def multiply() -> None:
        for part in x.split(rows):
            for weight in weights:
                part = part @ weight.T

    return multiply
