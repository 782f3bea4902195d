"""The same step with other libraries, as their users would write it (``bdlbench[bench]``)."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.alternate import Action

SCANNED = 100  # steps per call of JAX
LEARNING_RATE, PRIOR_PRECISION = 1e-12, 1 / 0.3**2
# Required speed-up of bdlbench's SGLD.
QUICKER_THAN = {
    "SGLD, blackjax in lax.scan": 1.3,
    "SGLD, posteriors in memory": 2.5,
    "SGLD, torch-uncertainty and DataLoader": 3.0,
}


def steps(x: Tensor, y: Tensor, batch_size: int) -> dict[str, tuple[Action, int]]:
    """Return the action and its number of steps for each installed library."""
    makers: dict[str, Callable[[Tensor, Tensor, int], tuple[Action, int]]] = {
        "SGD, torch.optim and DataLoader": _torch_optim,
        "SGLD, torch-uncertainty and DataLoader": _torch_uncertainty,
        "SGLD, posteriors in memory": _posteriors,
        "SGD, JAX in lax.scan": _jax,
        "SGLD, blackjax in lax.scan": _blackjax,
    }
    found = {}
    for name, make in makers.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # from the libraries
                found[name] = make(x, y, batch_size)
        except ImportError as error:
            print(f"{name}: skipped, {error}")
    return found


def _model() -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU(),
        nn.Linear(400, 10),
    )  # fmt: skip


def _torch_optim(x: Tensor, y: Tensor, batch_size: int) -> tuple[Action, int]:
    return _with_data_loader(
        x, y, batch_size, lambda model: torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    )


def _torch_uncertainty(x: Tensor, y: Tensor, batch_size: int) -> tuple[Action, int]:
    from torch_uncertainty.optim import SGLD

    return _with_data_loader(
        x, y, batch_size, lambda model: SGLD(model.parameters(), lr=LEARNING_RATE)
    )


def _with_data_loader(
    x: Tensor, y: Tensor, batch_size: int, make: Callable[[nn.Module], torch.optim.Optimizer]
) -> tuple[Action, int]:
    model = _model()
    optimizer = make(model)
    loader = DataLoader(TensorDataset(x, y), batch_size, shuffle=True, drop_last=True)
    batches: Iterator[Any] = itertools.chain.from_iterable(itertools.repeat(loader))

    def step() -> None:
        images, labels = next(batches)
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step, 1


def _posteriors(x: Tensor, y: Tensor, batch_size: int) -> tuple[Action, int]:
    import posteriors

    model, n = _model(), len(x)

    def log_posterior(parameters: dict[str, Tensor], batch: Any) -> tuple[Tensor, Tensor]:
        logits = torch.func.functional_call(model, parameters, (batch[0],))
        log_likelihood = -F.cross_entropy(logits, batch[1])
        squares = sum(p.square().sum() for p in parameters.values())
        return log_likelihood - PRIOR_PRECISION / 2 / n * squares, logits

    transform = posteriors.sgmcmc.sgld.build(log_posterior, lr=LEARNING_RATE, temperature=1 / n)
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    state, rng = transform.init(parameters), torch.Generator().manual_seed(0)

    def step() -> None:
        nonlocal state
        rows = torch.randint(n, (batch_size,), generator=rng)
        state, _ = transform.update(state, (x[rows], y[rows]), inplace=True)

    return step, 1


def _jax(x: Tensor, y: Tensor, batch_size: int) -> tuple[Action, int]:
    import jax

    potential, start, batches = _in_jax(x, y, batch_size)

    @jax.jit
    def scan(parameters: Any) -> Any:
        def step(p: Any, batch: Any) -> tuple[Any, None]:
            gradient = jax.grad(potential)(p, batch)
            return jax.tree.map(lambda a, g: a - LEARNING_RATE * g, p, gradient), None

        return jax.lax.scan(step, parameters, batches)[0]

    return (lambda: jax.block_until_ready(scan(start))), SCANNED


def _blackjax(x: Tensor, y: Tensor, batch_size: int) -> tuple[Action, int]:
    import blackjax
    import jax

    potential, start, batches = _in_jax(x, y, batch_size)
    gradient = jax.grad(lambda parameters, batch: -potential(parameters, batch))
    sgld = blackjax.sgld(gradient)

    @jax.jit
    def scan(parameters: Any, key: Any) -> Any:
        def step(carry: Any, batch: Any) -> tuple[Any, None]:
            key, p = carry
            key, now = jax.random.split(key)
            return (key, sgld.step(now, p, batch, LEARNING_RATE)), None

        return jax.lax.scan(step, (key, parameters), batches)[0]

    key = jax.random.key(0)
    return (lambda: jax.block_until_ready(scan(start, key))), SCANNED


def _in_jax(x: Tensor, y: Tensor, batch_size: int) -> tuple[Callable[..., Any], Any, Any]:
    """Return U(parameters, batch), parameters, and indices of shape (SCANNED, batch_size)."""
    import jax
    import jax.numpy as jnp

    images, labels, n = jnp.asarray(x.flatten(1).numpy()), jnp.asarray(y.numpy()), len(x)
    linear = [layer for layer in _model() if isinstance(layer, nn.Linear)]
    start = [
        (jnp.asarray(layer.weight.detach().numpy().T), jnp.asarray(layer.bias.detach().numpy()))
        for layer in linear
    ]
    rng = np.random.default_rng(0)
    batches = jnp.asarray(rng.permutation(n)[: SCANNED * batch_size].reshape(SCANNED, -1))

    def potential(parameters: Any, batch: Any) -> Any:
        activations = images[batch]
        for index, (weight, bias) in enumerate(parameters):
            activations = activations @ weight + bias
            if index < len(parameters) - 1:
                activations = jax.nn.relu(activations)
        log_p = jax.nn.log_softmax(activations)
        log_likelihood = jnp.take_along_axis(log_p, labels[batch][:, None], 1).sum()
        squares = sum((p**2).sum() for p in jax.tree.leaves(parameters))
        return PRIOR_PRECISION / 2 * squares - n / batch_size * log_likelihood

    return potential, start, batches
