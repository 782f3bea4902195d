"""The posterior of a task, for studies that take their own steps on it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from scipy import optimize
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from bdlbench.data.examples import search_folders
from bdlbench.data.scaler import Scaler
from bdlbench.metrics.scores import score
from bdlbench.posterior.potential import Posterior, build_posterior
from bdlbench.runs import task_data, tasks
from bdlbench.runs.evaluate import predict

from .intervals import Array


def posterior_of(task: str, model: str | None = None, prior_std: float | None = None) -> Posterior:
    """Return the posterior of a task, optionally with another model or prior."""
    chosen = tasks.get(task)
    images = task_data.training_set(chosen, "test", search_folders())
    prior_std = chosen.prior_std if prior_std is None else prior_std
    return build_posterior(images, model or chosen.model, prior_std, torch.device("cpu"))[0]


def mean_and_slope(posterior: Posterior, theta: Array) -> tuple[float, Array]:
    """Return U/N and its gradient at θ of shape (dim,), for SciPy's optimizers."""
    row = torch.from_numpy(theta).float()[None]
    gradient = posterior.gradient(row)[0] / posterior.n
    return float(posterior.potential(row)) / posterior.n, gradient.double().numpy()


def minimum(posterior: Posterior) -> Tensor:
    """Return the minimiser of U, shape (1, dim), by L-BFGS from 0."""
    start = np.zeros(posterior.network.dim)
    theta, *_ = optimize.fmin_l_bfgs_b(
        lambda theta: mean_and_slope(posterior, theta), start, factr=1e4, pgtol=1e-6, maxiter=2000
    )
    return torch.from_numpy(theta).float()[None]


def sharpness(posterior: Posterior, theta: Tensor) -> float:
    """Return the largest eigenvalue of the Hessian of U/N at θ, by the Lanczos method (ARPACK)."""
    x, y = posterior.x[None], posterior.y[None]
    point = theta.clone().requires_grad_()
    outputs = posterior.network(posterior.network.unflatten(point), x)
    log_likelihood = posterior.likelihood.log_prob(outputs, y).sum()
    loss = point.square().sum() / (2 * posterior.prior_std**2) - log_likelihood
    (gradient,) = torch.autograd.grad(loss / posterior.n, point, create_graph=True)

    def product(v: Array) -> Array:
        direction = torch.from_numpy(v.reshape(1, -1)).float()
        (column,) = torch.autograd.grad(gradient, point, direction, retain_graph=True)
        return column[0].double().numpy()

    dim = theta.shape[1]
    hessian = LinearOperator((dim, dim), matvec=product, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(dim)
    values = eigsh(hessian, k=1, which="LA", tol=1e-2, v0=start, return_eigenvectors=False)
    return float(values[0])


def scores_of(task: str, posterior: Posterior, draws: Iterable[Tensor]) -> dict[str, float]:
    """Return all metrics of draws of shape (dim,) on the task's test and OOD sets."""
    chosen, folders = tasks.get(task), search_folders()
    scaler = Scaler.fit(task_data.training_set(chosen, "test", folders))
    images = task_data.evaluation_sets(chosen, "test", folders)
    return score(predict(posterior.network, draws, images, scaler, torch.device("cpu")))
