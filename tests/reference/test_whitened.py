"""The dense mass matrix of references: whitened coordinates, and chains that move in them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from bdlbench.data.examples import Examples
from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.posterior.likelihoods import Categorical, Likelihood
from bdlbench.posterior.potential import Posterior, build_posterior
from bdlbench.posterior.regression import Gaussian
from bdlbench.posterior.to_jax import translated
from bdlbench.reference import make as making
from bdlbench.reference import reference, whitened
from bdlbench.reference.chains import Chains, Length
from bdlbench.runs import built_in_tasks, tasks
from bdlbench.runs.task import Task

TABLE = replace(tasks.get("wine"), name="table", model="softmax")  # 42 parameters
LENGTH = Length(chains=4, samples=12, warm_up=8, seed=5)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setitem(built_in_tasks.TASKS, "table", TABLE)
    return TABLE


def linear(inputs: int) -> Posterior:
    """A linear model with Gaussian noise, whose U is quadratic."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, inputs)).astype(np.float32)
    y = x[:, 0] + rng.normal(size=50)
    return build_posterior(Examples(x, y, None), "softmax", 0.5, CPU, Gaussian(0.7))[0]


def classifier(model: str, likelihood: Likelihood | None = None) -> Posterior:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 6)).astype(np.float32), np.arange(40) % 3
    return build_posterior(Examples(x, y, 3), model, 1.0, CPU, likelihood or Categorical())[0]


def whiten(posterior: Posterior, path: Path) -> whitened.Whitened:
    start = np.ones(posterior.network.dim)
    return whitened.whiten(posterior, start, path / "mass.npz", lambda share: None)[0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> reference.Reference:
    """A reference with the Hessian as mass matrix, computed without interruption."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(built_in_tasks.TASKS, "table", TABLE)
        return make(tmp_path_factory.mktemp("whole"))


def make(results: Path, mass: str = "laplace") -> reference.Reference:
    return making.make("table", LENGTH, mass=mass, device="cpu", results=results)


@pytest.mark.parametrize("inputs", [3, whitened.BLOCK + 5])
def test_the_hessian_of_a_linear_model_is_exact(inputs: int) -> None:
    posterior, shares = linear(inputs), list[float]()
    dim = posterior.network.dim
    found = whitened.hessian(translated(posterior), np.zeros(dim), shares.append)
    design = np.hstack([posterior.x.numpy(), np.ones((posterior.n, 1))]).astype(np.float64)
    exact = design.T @ design / 0.7**2 + np.eye(dim) / 0.5**2
    # A sum of n float32 products.
    rounding = posterior.n * np.finfo(np.float32).eps * (abs(design).T @ abs(design) / 0.7**2 + 4)
    assert (abs(found - exact) <= rounding).all()
    assert shares[-1] == 1.0


def test_a_quadratic_u_is_half_the_square_of_whitened_coordinates(tmp_path: Path) -> None:
    posterior = linear(whitened.BLOCK + 5)
    u = whiten(posterior, tmp_path)
    z = np.random.default_rng(2).normal(size=(20, posterior.network.dim)).astype(np.float32)
    least = float(u(jnp.zeros(posterior.network.dim)))
    # The mean over z and −z, so that it holds wherever the center is.
    values = [np.array([float(u(jnp.asarray(row))) for row in sign * z]) for sign in (1, -1)]
    rounding = posterior.n * np.finfo(np.float32).eps * (sum(values) + least)
    even = sum(values) / 2 - least - 0.5 * np.square(z).sum(1)
    assert (abs(even) <= rounding).all()


def test_the_minimum_is_within_one_standard_deviation() -> None:
    """HMC is exact for any center; U − min U = ½|z|² says how far it is."""
    posterior = linear(5)
    found = whitened.minimum(translated(posterior), 3 * np.ones(6))
    design = np.hstack([posterior.x.numpy(), np.ones((posterior.n, 1))]).astype(np.float64)
    precision = design.T @ design / 0.7**2 + np.eye(6) / 0.5**2
    exact = np.linalg.solve(precision, design.T @ posterior.y.numpy() / 0.7**2)
    assert (found - exact) @ precision @ (found - exact) < 1


def rounding(u: whitened.Whitened, theta: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Return the bound on the rounding of θ from z, a float32 sum of dim products."""
    size = abs(u.from_theta(theta)) @ abs(root) + abs(np.asarray(u.center)) + abs(theta)
    return np.asarray((len(root) + 2) * np.finfo(np.float32).eps * size)


def test_theta_and_whitened_coordinates_are_inverse(tmp_path: Path) -> None:
    posterior = classifier("softmax")
    u = whiten(posterior, tmp_path)
    theta = np.random.default_rng(3).normal(size=(4, posterior.network.dim)).astype(np.float32)
    back = np.array(u.to_theta(jnp.asarray(u.from_theta(theta))))
    root = whitened._read(tmp_path / "mass.npz")["root"].astype(np.float64)
    assert (abs(back - theta) <= rounding(u, theta, root)).all()
    exact = u.from_theta(theta).astype(np.float64) @ root + np.asarray(u.center)
    assert (abs(back - exact) <= rounding(u, theta, root)).all()


def test_chains_start_from_the_same_draws_of_the_prior_with_any_mass_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StopHereError(Exception):
        pass

    started: list[Chains] = []

    def resume(chains: Chains) -> None:
        started.append(chains)
        raise StopHereError

    monkeypatch.setattr(Chains, "resume", resume)
    for mass in making.MASSES:
        with pytest.raises(StopHereError):
            make(tmp_path, mass)
    theta, z = (np.asarray(chains._state.theta) for chains in started)
    u = started[1]._potential
    assert isinstance(u, whitened.Whitened)
    (path,) = (tmp_path / "references").glob(".table-*.mass.npz")
    bound = rounding(u, theta, whitened._read(path)["root"])
    assert (abs(np.asarray(u.to_theta(jnp.asarray(z))) - theta) <= bound).all()


def test_the_facts_name_the_mass_matrix_unless_it_is_the_unit_matrix(
    whole: reference.Reference, tmp_path: Path
) -> None:
    unit = make(tmp_path, "unit").facts
    assert (unit.mass, whole.facts.mass) == (None, "laplace")
    assert unit.key != whole.facts.key
    assert whole.facts.settings["trajectory_length"] == pytest.approx(math.pi / 2)
    (file,) = (tmp_path / "references").glob("*.json")
    assert '"mass"' not in file.read_text()


def test_a_resumed_run_reads_the_mass_matrix_and_has_the_same_bits(
    whole: reference.Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Chains.iterate

    def iterate(chains: Chains) -> None:
        if chains.done == 15:
            raise KeyboardInterrupt
        original(chains)

    with monkeypatch.context() as patch:
        patch.setattr(Chains, "iterate", iterate)
        with pytest.raises(KeyboardInterrupt, match=r"^10 of 20 iterations are stored"):
            make(tmp_path)
    monkeypatch.setattr(whitened, "hessian", lambda *rest: pytest.fail("it was recomputed"))
    assert make(tmp_path).facts.arrays_sha256 == whole.facts.arrays_sha256
    left = [path.name for path in (tmp_path / "references").iterdir()]
    assert not [name for name in left if name.startswith(".")]


def test_stored_draws_are_of_theta_not_of_whitened_coordinates(
    whole: reference.Reference, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """U of the last stored draw is that of the trace, to the precision of float16."""
    posteriors: list[Posterior] = []
    original = Chains.__init__

    def init(chains: Chains, *given: Any) -> None:
        posteriors.append(given[3])
        original(chains, *given)

    monkeypatch.setattr(Chains, "__init__", init)
    made = make(tmp_path)
    theta = torch.from_numpy(made.draws[-LENGTH.chains :].astype(np.float32))
    value, gradient = posteriors[0].value_and_gradient(theta)
    # Rounding of θ to float16 moves U by ∇U·δ and, to second order, half of that again at most.
    moved = (gradient.abs() * theta.abs()).sum(1) * 2**-11
    u = torch.from_numpy(made.trace.potential[:, -1])
    assert ((value - u).abs() <= 1.5 * moved + 0.01).all()


def test_a_damaged_file_of_the_mass_matrix_is_one_line(tmp_path: Path) -> None:
    whiten(linear(3), tmp_path)
    path = tmp_path / "mass.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RecordError, match=r"mass\.npz: cannot be read \(.*\); delete it$"):
        whiten(linear(3), tmp_path)


def test_posteriors_without_such_a_mass_matrix_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BdlbenchError, match="expected --mass unit or laplace, got 'dense'"):
        make(tmp_path, "dense")

    class Own(Categorical):
        """Without a translation."""

    with pytest.raises(BdlbenchError, match=r"--mass laplace: .*Own.*; use --mass unit$"):
        whiten(classifier("softmax", Own()), tmp_path)
    with pytest.raises(BdlbenchError, match="not positive definite"):
        whitened.inverse_root(np.diag([1.0, -1.0]))
    monkeypatch.setattr(whitened, "LARGEST", 20)
    with pytest.raises(BdlbenchError, match="at most 20 parameters, got 21; use --mass unit"):
        whiten(classifier("softmax"), tmp_path)
