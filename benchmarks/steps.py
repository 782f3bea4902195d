"""Time a step of each sampler: mlp-400-400, batch size 128, N = 60,000, data in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from bdlbench.optim import PSGLD, SGHMC, descend_, langevin_
from bdlbench.posterior import models
from bdlbench.posterior.likelihoods import Categorical
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem
from benchmarks import peers
from benchmarks.alternate import Action, Timings, alternate
from benchmarks.figures import Figure

N, BATCH = 60_000, 128
TINY = 1e-12  # a step size at which θ hardly changes
Update = Callable[[Tensor], object]  # updates θ with a gradient
Sampler = Callable[[Tensor, Generator], Update]


def _by(optimizer: type[torch.optim.Optimizer], **settings: Any) -> Sampler:
    def make(theta: Tensor, rng: Generator) -> Update:
        made = optimizer([theta], lr=TINY, generator=rng, **settings)  # type: ignore[call-arg]

        def update(gradient: Tensor) -> None:
            theta.grad = gradient
            made.step()

        return update

    return make


SAMPLERS: dict[str, Sampler] = {  # the updates of samplers/
    "SGD": lambda theta, rng: lambda gradient: descend_(theta, gradient, TINY, 0.0, theta),
    "SGLD": lambda theta, rng: lambda gradient: langevin_(theta, gradient, TINY, 1.0, rng),
    "pSGLD": _by(PSGLD, chains=True),
    "SGHMC": _by(SGHMC),
}


def make_problem(
    model: str, n: int = N, chains: int = 1, device: str = "cpu", epochs: float = 1e9
) -> Problem:
    """Return a problem of random images, by default with a practically unlimited budget."""
    x, y = (part.to(device) for part in make_data(n))
    posterior = Posterior(models.build(model), Categorical(), x, y, prior_std=0.3)
    return Problem(posterior, Budget(epochs=epochs, draws=1), chains)


def make_data(n: int) -> tuple[Tensor, Tensor]:
    """Return random images (n, 28, 28) and labels (n,).

    Like the data of runs, they are NumPy arrays, which use huge pages for faster row access.
    """
    rng = np.random.default_rng(0)
    images = rng.standard_normal((n, 28, 28), dtype=np.float32)
    return torch.from_numpy(images), torch.from_numpy(rng.integers(10, size=n))


def stepper(problem: Problem, sampler: Sampler, batch_size: int, device: str = "cpu") -> Action:
    """Return an action that takes one step."""
    rng = Generator(device).manual_seed(0)
    theta = problem.init(rng)
    steps, update = problem.steps(batch_size, rng), sampler(theta, rng)

    def step() -> None:
        batch, _ = next(steps)
        update(problem.gradient(theta, batch))

    return step


def matrix_products(model: str, batch_size: int) -> dict[str, Action]:
    """Return the matrix products of a step (MKL and oneDNN), the lower limit of its time."""
    shapes = [shape for shape in models.build(model).shapes.values() if len(shape) == 2]
    rows = batch_size
    data = [
        (torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(rows, outputs))
        for outputs, inputs in shapes
    ]
    one_dnn = torch.ops.mkldnn._linear_pointwise

    def with_mkl() -> None:
        for layer, (x, weight, delta) in enumerate(data):
            torch.mm(x, weight.T), torch.mm(delta.T, x)
            if layer:
                torch.mm(delta, weight)

    def with_one_dnn() -> None:
        for layer, (x, weight, delta) in enumerate(data):
            one_dnn(x, weight, None, "none", [], ""), one_dnn(delta.T, x.T, None, "none", [], "")
            if layer:
                one_dnn(delta, weight.T, None, "none", [], "")

    return {"products (MKL)": with_mkl, "products (oneDNN)": with_one_dnn}


def measure(rounds: int) -> list[Figure]:
    """Time steps, their matrix products and other libraries.

    Four times the usual rounds, since some ratios are close to their bars.
    """
    ceiling = matrix_products("mlp-400-400", BATCH)
    actions: dict[str, tuple[Action, int]] = {name: (act, 1) for name, act in ceiling.items()}
    problem = make_problem("mlp-400-400")
    for name, sampler in SAMPLERS.items():
        actions[name] = stepper(problem, sampler, BATCH), 1
    actions |= peers.steps(*make_data(N), BATCH)
    return _figures(alternate(actions, 4 * rounds), list(ceiling))


def _figures(timings: Timings, ceiling: list[str]) -> list[Figure]:
    def figure(name: str, *others: str, against: str = "", bar: float | None = None) -> Figure:
        ratio = timings.ratio(name, *others) if others else None
        against = against or ", ".join(others)
        return Figure(name, 1e3 * timings.median(name), "ms", ratio, against, bar)

    found = [figure(name) for name in ceiling]
    found += [
        figure("SGD", *ceiling, against="the quicker products", bar=1.35),
        figure("SGLD", *ceiling, against="the quicker products"),
    ]
    for rival, factor in peers.QUICKER_THAN.items():
        if rival in timings.seconds:
            found.append(figure("SGLD", rival, bar=1 / factor))
    found += [figure("pSGLD", "SGLD", bar=1.4), figure("SGHMC", "SGLD")]
    others = [name for name in timings.seconds if "," in name]
    return found + [figure(name) for name in others]
