"""Compute a reference posterior: long HMC runs, started from independent draws of the prior."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console

from bdlbench.data.examples import search_folders
from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.execution.progress import Stage, shown
from bdlbench.hamiltonian.kernels import Kernel
from bdlbench.posterior.potential import Posterior, build_posterior
from bdlbench.posterior.to_jax import JaxPotential, to_jax
from bdlbench.records import store
from bdlbench.reference import gate
from bdlbench.reference.chains import Chains, Length
from bdlbench.reference.collected import collected
from bdlbench.reference.facts import Facts
from bdlbench.reference.reference import Reference, load, write
from bdlbench.reference.whitened import whiten
from bdlbench.runs import chosen_models, machine, numerics, plan, task_data
from bdlbench.runs.evaluate import Predictor
from bdlbench.runs.plan import Setup
from bdlbench.runs.recorded_likelihood import recorded
from bdlbench.runs.tasks import TaskLike
from bdlbench.storage import documents

CHUNK = 10  # iterations between two checkpoints, or
SECONDS = 60.0  # this long
MASSES = ("unit", "laplace")
ACCEPTANCE = 0.85  # target of the step size adaptation


def make(
    task: TaskLike,
    length: Length | None = None,
    *,
    model: Any = None,
    mass: str = "unit",
    data_dir: Path | str | None = None,
    results: Path | str | None = None,
    device: str = "auto",
    quiet: bool = True,
) -> Reference:
    """Compute or resume the reference of a task, and store it, converged or not.

    HMC (Neal, 2011) with trajectories of a quarter of a period, π/2·prior_std (π/2 with the mass
    matrix ``laplace``), and a step size adapted to an acceptance rate of 0.85. A stored reference
    with the same settings is returned as it is.

    Args:
        task: Name of the task, its file, or a `Task`.
        length: Number and length of the chains.
        model: Name or file of the model, or a model; by default that of the task.
        mass: Mass matrix: ``unit``, or ``laplace``, the Hessian at the minimum of U, which is for
            posteriors with one mode.
        data_dir: Folder searched for data first.
        results: Folder of the reference and its checkpoint; by default as for a comparison.
        device: ``auto``, ``cpu`` or ``cuda``.
        quiet: Show no progress.

    Raises:
        BdlbenchError: Invalid arguments, diverged chains, or a folder that is not writable.
        KeyboardInterrupt: Interrupted; the checkpoint is kept.
    """
    length = length or Length()
    if mass not in MASSES:
        raise BdlbenchError(f"expected --mass {' or '.join(MASSES)}, got {mass!r}")
    setup, _ = plan.set_up(task, model, None, "test", data_dir, results, device)
    store.check_writable(setup.results)
    data = plan.fingerprints(setup)
    made = _inputs(setup, length, data, mass)
    key = hashlib.sha256(documents.to_json(made).encode()).hexdigest()[:10]
    with suppress(RecordError):
        stored = load(setup.task.name, setup.results, False, data, setup.model)
        if stored.facts.key == key:
            return stored
    screen = Screen(f"reference {setup.task.name}", Console(stderr=True, quiet=quiet))
    with machine.one_thread():
        chains = _make_chains(setup, length, key, mass, screen)
        _run_chains(chains, screen)
        write(setup.results, _apply_gate(made, key, chains))
    for path in (chains.checkpoint, _mass_file(chains.checkpoint)):
        path.unlink(missing_ok=True)
    return load(setup.task.name, setup.results, False, data, setup.model)


class Screen(NamedTuple):
    """Where progress is shown, and under which label."""

    label: str
    console: Console

    def shown(self, look: Callable[[], Stage]) -> AbstractContextManager[Any]:
        """Show the progress that `look` returns."""
        return shown({self.label: self.label}, lambda: {self.label: look()}, self.console)


def _run_chains(chains: Chains, screen: Screen) -> None:
    with screen.shown(lambda: Stage("sampling", chains.done / chains.total)):
        try:
            chains.resume()
            saved = chains.done
            while chains.done < chains.total:
                started = time.perf_counter()
                for _ in range(min(CHUNK, chains.total - chains.done)):
                    chains.iterate()
                    if time.perf_counter() - started > SECONDS:
                        break
                chains.seconds += time.perf_counter() - started
                chains.save()
                saved = chains.done
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"{saved} of {chains.total} iterations are stored; run the same command to continue"
            ) from None


def _kernel(scale: float) -> Kernel:
    """Return HMC's hyperparameters for a posterior of about this scale."""
    quarter = math.pi / 2 * scale
    return Kernel(quarter / 100, ACCEPTANCE, 1.0, quarter)


def _scale(prior_std: float, mass: str) -> float:
    return prior_std if mass == "unit" else 1.0


def _mass_file(checkpoint: Path) -> Path:
    return checkpoint.with_name(checkpoint.name.replace("checkpoint", "mass"))


def _potential(
    posterior: Posterior, seed: int, mass: str, checkpoint: Path, screen: Screen
) -> tuple[JaxPotential, float]:
    """Return U in the coordinates of the chains, and the seconds that these took."""
    if mass == "unit":
        return to_jax(posterior), 0.0
    rng, done = torch.Generator().manual_seed(seed), [0.0]
    theta = posterior.prior_std * torch.randn(posterior.network.dim, generator=rng)
    with screen.shown(lambda: Stage("Hessian", done[-1])):
        return whiten(posterior, theta.double().numpy(), _mass_file(checkpoint), done.append)


def _make_chains(setup: Setup, length: Length, key: str, mass: str, screen: Screen) -> Chains:
    folders, device = search_folders(setup.data_dir), torch.device(setup.device)
    train = task_data.training_set(setup.task, setup.split, folders)
    sets = task_data.evaluation_sets(setup.task, setup.split, folders)
    likelihood = setup.task.likelihood
    model = chosen_models.find(setup.model_reference or setup.task.model)
    posterior, scaler = build_posterior(train, model, setup.task.prior_std, device, likelihood)
    predict = Predictor(posterior.network, sets, scaler, device, likelihood)
    checkpoint = setup.results / "references" / f".{setup.task.name}-{key}.checkpoint.npz"
    potential, seconds = _potential(posterior, length.seed, mass, checkpoint, screen)
    chains = Chains(
        _kernel(_scale(posterior.prior_std, mass)),
        potential,
        length,
        posterior,
        collected(predict, sets, likelihood, train.classes, length.chains, length.samples),
        checkpoint,
    )
    chains.seconds = seconds
    return chains


def _inputs(setup: Setup, length: Length, data: dict[str, str], mass: str) -> dict[str, Any]:
    """Return everything that determines a reference, as in its file."""
    kernel = _kernel(_scale(setup.task.prior_std, mass))
    likelihood = recorded(setup.task.likelihood)
    given = {  # those of old references are not named
        "likelihood": likelihood.label,
        "likelihood_sha256": likelihood.sha256,
        "model_sha256": setup.model_sha256,
        "mass": None if mass == "unit" else mass,
    }
    return {
        **{name: value for name, value in given.items() if value is not None},
        "schema": Facts.schema,
        "task": setup.task.name,
        "model": setup.model,
        "prior_std": setup.task.prior_std,
        "settings": {
            **asdict(length),
            "trajectory_length": kernel.trajectory_length,
            "target_accept_prob": kernel.target_accept_prob,
        },
        "data": data,
        "environment": machine.environment(torch.device(setup.device)),
        "numerics": numerics.version(),
    }


def _apply_gate(made: dict[str, Any], key: str, chains: Chains) -> Reference:
    diagnostics = gate.diagnose(chains.trace)
    verdicts = gate.verdicts(diagnostics)
    cost = {"step_size": chains.step_size, "gradients": chains.gradients}
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    facts = Facts(
        **made,
        key=key,
        diagnostics=diagnostics | cost,
        verdicts=verdicts,
        converged=all(verdicts.values()),
        measured={"seconds": chains.seconds, "finished": finished},
    )
    return Reference(facts, chains.collected.result(), chains.trace, chains.draws)
