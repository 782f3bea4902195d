"""All metrics of a run, computed from its predictions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bdlbench import metrics
from bdlbench.data.set_names import IN_DISTRIBUTION, SHIFT
from bdlbench.metrics import catalogue, plugins, regression
from bdlbench.metrics.catalogue import DETECTION, FIDELITY, METRICS, SCORES, describe
from bdlbench.metrics.description import Metric
from bdlbench.records.densities import Densities

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bdlbench.metrics.functions import Float64s
    from bdlbench.metrics.parts import Parts
    from bdlbench.records.predictions import Predicted, Sets

__all__ = ["FIDELITY", "METRICS", "Metric", "agree", "describe", "score"]

VERSION = 2
"""Version of the metrics, to be raised with every change of a metric's value.

In version 1, ties between scores were broken by rounding, and so depended on the processor. A new
metric does not raise it: see `ADDED`.
"""
ADDED = frozenset(
    {
        *("classwise_calibration_error", "joint_nll_10", "aurc", "augrc"),
        *("conformal_set_size", "conformal_coverage"),
        *("ece_if_calibrated", "ece_if_calibrated_at_most"),
    }
)
"""Metrics of classes that were added to version 2, and that earlier records do not have."""
TOLERANCE = 2.0**-36
"""Tolerance, relative and absolute, for differences of a metric between processors.

A metric adds at most 2¹⁷ numbers, each with a relative error of a few 2⁻⁵³. In any order, the
rounding error is below 2¹⁷·2⁻⁵³ of the sum of their absolute values; comparisons do not depend on
rounding at all (`metrics.EQUAL`).
"""


def kind(predictions: Predicted) -> str:
    """Return what is predicted: ``classes``, or ``real`` targets."""
    return "real" if isinstance(predictions, Densities) else "classes"


def in_distribution(sets: Mapping[str, Any]) -> Any:
    """Return the predictions for the set named "test" or "validation".

    Raises:
        ValueError: There is not exactly one such set.
    """
    names = [name for name in IN_DISTRIBUTION if name in sets]
    if len(names) != 1:
        raise ValueError(f"expected one set named test or validation, got {sorted(sets)}")
    return sets[names[0]]


def agree(a: float, b: float) -> bool:
    """Return whether two values of a metric are equal within `TOLERANCE`."""
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def is_ood(name: str) -> bool:
    """Return whether a set is out of distribution."""
    return name not in IN_DISTRIBUTION and not name.startswith(SHIFT)


def score(sets: Sets) -> dict[str, float]:
    """Compute every metric from predictions alone.

    Args:
        sets: Predictions by set name: "test" or "validation" is in distribution, "shift-…" are
            shifted test sets, others are OOD.

    Returns:
        Values by metric name (`METRICS`); OOD metrics as `ood.<set>.<metric>`, those of shifted
        sets as `shift.<set>.<metric>`, where `<set>` is without its prefix.

    Raises:
        ValueError: There is not exactly one in-distribution set, or its labels are invalid.
    """
    inside = in_distribution(sets)
    results = {}
    for metric in _of_kind(kind(inside)):
        if metric.name == "epistemic_share":
            results[metric.name] = _epistemic_share(sets)
        elif "<set>" not in metric.name and (parts := of_set(metric, inside)):
            results[metric.name] = parts.value
    for name, predictions in sets.items():
        if name.startswith(SHIFT):
            results |= _values("shift", name.removeprefix(SHIFT), predictions)
        elif name not in IN_DISTRIBUTION:
            results |= _detect(name, inside, predictions) | _values("ood", name, predictions)
    return results


def measure(metric: Metric, sets: Sets) -> dict[str, float]:
    """Compute one metric of stored predictions, also one that their record does not have.

    Args:
        metric: Description, from `describe`, `plugins.use` or `METRICS`.
        sets: Predictions by set name.

    Returns:
        Values by name; an OOD metric has one for each OOD set. Empty if it is not defined for the
        kind of predictions.
    """
    inside = in_distribution(sets)
    if metric.kind not in ("any", kind(inside)):
        return {}
    if metric.parts is None:
        return {n: v for n, v in score(sets).items() if catalogue.split(n)[0] == metric.name}
    if "<set>" not in metric.name:
        parts = of_set(metric, inside)
        return {metric.name: parts.value} if parts else {}
    prefix = metric.name.partition(".")[0]
    chosen = {name.removeprefix(SHIFT): predictions for name, predictions in sets.items()
              if (is_ood(name) if prefix == "ood" else name.startswith(SHIFT))}  # fmt: skip
    found = {name: of_set(metric, each) for name, each in chosen.items()}
    return {metric.name.replace("<set>", name): each.value for name, each in found.items() if each}


def of_plugins(sets: Sets, chosen: Iterable[str] = ()) -> dict[str, float]:
    """Return the values of plugins by name: of the installed metrics, and of chosen ones.

    Args:
        sets: Predictions by set name.
        chosen: Names in records of metrics that `plugins.use` has made known.

    Raises:
        BdlbenchError: One of them cannot be loaded, or fails.
    """
    wanted = {metric.name: metric for metric in plugins.installed()}
    wanted |= {general.name: general for general in map(catalogue.general, chosen)}
    found: dict[str, float] = {}
    for metric in wanted.values():
        found |= measure(metric, sets)
    return found


def of_set(metric: Metric, predictions: Predicted) -> Parts | None:
    """Return the contributions of a set's inputs; None where the metric is not defined."""
    if metric.parts is None or metric.kind not in ("any", kind(predictions)):
        return None
    return metric.parts(predictions)


def uncertainties(predictions: Predicted) -> dict[str, Float64s]:
    """Return the scores by which OOD inputs are told, by prefix of the metric, each (inputs,)."""
    if isinstance(predictions, Densities):
        return {"": regression.standard_deviation(predictions)}
    p = predictions.probabilities
    scores = (
        metrics.predictive_entropy(p),
        metrics.max_probability(p),
        metrics.mutual_information(p, predictions.expected_entropy),
    )
    return dict(zip(SCORES, scores, strict=True))


def _of_kind(wanted: str) -> Iterator[Metric]:
    return (metric for metric in METRICS if metric.kind in ("any", wanted))


def _values(prefix: str, name: str, predictions: Predicted) -> dict[str, float]:
    """Return the metrics of one OOD or shifted set alone."""
    found = {}
    for metric in _of_kind(kind(predictions)):
        if metric.name.startswith(f"{prefix}.") and (parts := of_set(metric, predictions)):
            found[metric.name.replace("<set>", name)] = parts.value
    return found


def _detect(name: str, inside: Predicted, outside: Predicted) -> dict[str, float]:
    ins, outs = uncertainties(inside), uncertainties(outside)
    return {
        f"ood.{name}.{prefix}{key}": metric(ins[prefix], outs[prefix])
        for prefix in ins
        for key, metric in DETECTION.items()
    }


def _epistemic_share(sets: Sets) -> float:
    whole = part = 0.0
    for predictions in sets.values():
        if isinstance(predictions, Densities):
            epistemic, total = regression.epistemic_and_total(predictions)
        else:
            p = predictions.probabilities
            total = float(metrics.predictive_entropy(p).sum())
            information = metrics.mutual_information(p, predictions.expected_entropy)
            epistemic = float(information.sum())
        part, whole = part + epistemic, whole + total
    return part / whole if whole > 0 else 0.0
