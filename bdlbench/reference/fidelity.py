"""Fidelity of runs to the reference posterior, and their effective sample size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bdlbench.errors import RecordError
from bdlbench.metrics.convergence import bulk_ess, r_hat
from bdlbench.metrics.functions import Float64s, most_probable
from bdlbench.metrics.scores import in_distribution
from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import Predicted, Predictions
from bdlbench.records.quantization import to_probabilities
from bdlbench.records.record import Record
from bdlbench.reference import bias
from bdlbench.reference.gate import SHARE
from bdlbench.reference.predictive import Averages, Mixture, cells, mixture_distance
from bdlbench.reference.reference import Reference, load
from bdlbench.runs.plan import Setup
from bdlbench.runs.recorded_likelihood import recorded

FEWEST = 20  # draws; ESS and R-hat of fewer are artefacts: R-hat of five i.i.d. ones is up to 2.2
PER = 1000  # full-batch gradients, each of which is one epoch


def find_reference(setup: Setup, data: Mapping[str, str]) -> tuple[Reference | None, str]:
    """Return the reference of a comparison, or None and the reason why there is none.

    Args:
        setup: Task, model, split and results of the comparison.
        data: SHA-256 of the data sets, by name.
    """
    if setup.split == "validation":  # less training data, and so another posterior
        return None, ""
    try:
        task = setup.task_reference or setup.task.name
        reference = load(task, setup.results, data=data, model=setup.model)
        likelihood = recorded(setup.task.likelihood)
        reference.check_fits(
            setup.model, setup.task.prior_std, data, likelihood, setup.model_sha256
        )
    except RecordError as error:
        return None, str(error)
    return reference, ""


def agreement(p: Float64s, q: Float64s) -> float:
    """Return the share of inputs on which p and q, (inputs, classes), agree on the top class."""
    _check_same(p, q)
    return float(np.mean(most_probable(p) == most_probable(q)))


def total_variation(p: Float64s, q: Float64s) -> float:
    """Return ½ Σ_c |p_c − q_c|, averaged over inputs, for p and q of shape (inputs, classes)."""
    _check_same(p, q)
    return float(0.5 * np.abs(p - q).sum(axis=1).mean())


def _check_same(p: Float64s, q: Float64s) -> None:
    if p.shape != q.shape or p.ndim != 2:
        raise ValueError(f"expected two arrays (inputs, classes), got {p.shape} and {q.shape}")


def floor(reference: Reference, draws: int = 0) -> dict[str, float]:
    """Return agreement (for classes) and total variation between the halves of the chains.

    With a number of draws, also the Monte-Carlo error of as many independent ones, if it is known.
    """
    found, error = reference.sets["test"], bias.of_draws(reference, draws) if draws else None
    more = {} if error is None else {bias.ERROR: error}
    if isinstance(found, Mixture):
        first, second = (cells(half, found.bounds) for half in found.halves)
        return {"total_variation": mixture_distance(first, second), **more}
    return _compare(*to_probabilities(found.halves)) | more


def distances(points: Sequence[Float64s] | Sequence[Densities], reference: Reference) -> Float64s:
    """Return the total variation from the reference after 1, 2, 4, … draws and after all.

    Args:
        points: Probabilities of the first inputs, or densities of all, from the run's `course`.
        reference: The reference posterior.
    """
    found = reference.sets["test"]
    if isinstance(found, Mixture):
        return np.array([found.distance(p) for p in points if isinstance(p, Densities)])
    q = to_probabilities(found.log_probabilities[: len(points[-1])])
    return np.array([total_variation(p, q) for p in points if isinstance(p, np.ndarray)])


def ess_per_1000_gradients(trace: np.ndarray, epochs: float) -> float:
    """Return the bulk ESS of log p(target) per 1000 epochs, the median over inputs.

    Bulk ESS: Vehtari et al. (2021).

    Args:
        trace: log p(target) of one chain, shape (draws, inputs).
        epochs: Epochs used by the run, burn-in included.
    """
    return float(np.median(bulk_ess(trace[None]))) * PER / epochs


def measure(
    runs: Sequence[tuple[Record, Mapping[str, Predicted]]], reference: Reference | None
) -> dict[str, Interval]:
    """Compute distances from the posterior, ESS and R-hat of the completed runs of one sampler.

    Args:
        runs: Record and predictions of each seed.
        reference: The reference posterior, if available.

    Returns:
        Mean and 95 % confidence interval over seeds, by metric; unavailable metrics are omitted.
    """
    values: dict[str, list[float]] = {}
    for record, sets in runs:
        inside = in_distribution(sets)
        metrics = {}
        if reference is not None:
            metrics = _distance(inside, reference.sets["test"])
        if inside.trace is not None and len(inside.trace) >= FEWEST:
            metrics["ess_per_1000_gradients"] = ess_per_1000_gradients(inside.trace, record.epochs)
        for name, value in metrics.items():
            values.setdefault(name, []).append(value)
    intervals = {name: seed_interval(series) for name, series in values.items()}
    intervals |= bias.measure(runs, reference)
    return intervals | _r_hat([in_distribution(sets) for _, sets in runs])


def _distance(p: Predicted, q: Averages | Mixture) -> dict[str, float]:
    if isinstance(p, Densities):
        assert isinstance(q, Mixture), "check_fits compares the likelihoods"
        return {"total_variation": q.distance(p)}
    assert isinstance(q, Averages), "check_fits compares the likelihoods"
    return _compare(p.probabilities, to_probabilities(q.log_probabilities))


def _compare(p: Float64s, q: Float64s) -> dict[str, float]:
    return {"agreement": agreement(p, q), "total_variation": total_variation(p, q)}


def _r_hat(runs: Sequence[Predicted]) -> dict[str, Interval]:
    """Return R-hat with the seeds as chains, unless it is undefined."""
    traces = [run.trace for run in runs if run.trace is not None and len(run.trace) >= FEWEST]
    if len(traces) < 2:
        return {}
    shortest = min(len(trace) for trace in traces)
    value = float(np.quantile(r_hat(np.stack([trace[-shortest:] for trace in traces])), SHARE))
    return {"r_hat": Interval(value, None, None, len(traces))} if np.isfinite(value) else {}


def distance(a: Predicted, b: Predicted) -> float:
    """Return the total variation between two predictions of the same inputs, their mean."""
    if isinstance(a, Densities) and isinstance(b, Densities):
        mixture = Mixture(a.location, a.scale, a.df, first=np.array(0))
        return mixture.distance(b)
    if isinstance(a, Predictions) and isinstance(b, Predictions):
        return total_variation(a.probabilities, b.probabilities)
    raise ValueError("expected predictions of one kind, got probabilities and densities")
