"""All metrics of a run, computed from its predictions, and their descriptions."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from bdlbench import metrics
from bdlbench.records.predictions import IN_DISTRIBUTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bdlbench.records.predictions import Predictions


@dataclass(frozen=True)
class Metric:
    """Description of a metric; `<set>` stands for the name of an OOD set.

    Attributes:
        name: Key of the metric in a record.
        label: Heading in tables.
        direction: "up" if higher values are better, else "down".
        definition: Definition in one sentence.
    """

    name: str
    label: str
    direction: Literal["up", "down"]
    definition: str


VERSION = 2
"""Version of the metrics, to be raised with every change of a metric's value.

In version 1, ties between scores were broken by rounding, and so depended on the processor.
"""
TOLERANCE = 2.0**-36
"""Tolerance, relative and absolute, for differences of a metric between processors.

A metric adds at most 2¹⁷ numbers, each with a relative error of a few 2⁻⁵³. In any order, the
rounding error is below 2¹⁷·2⁻⁵³ of the sum of their absolute values; comparisons do not depend on
rounding at all (`metrics.EQUAL`).
"""
_CLASSIFICATION = {
    "accuracy": metrics.accuracy,
    "negative_log_likelihood": metrics.negative_log_likelihood,
    "brier_score": metrics.brier_score,
    "expected_calibration_error": metrics.expected_calibration_error,
    "adaptive_calibration_error": metrics.adaptive_calibration_error,
}
_DETECTION = {
    "auroc": metrics.auroc,
    "average_precision": metrics.average_precision,
    "fpr_at_95_tpr": metrics.fpr_at_95_tpr,
}
_SCORES = {  # description of the OOD score by prefix of the metric; the first is the default
    "": "predictive entropy",
    "max_probability.": "1 − highest probability",
    "mutual_information.": "mutual information",
}
_TEXTS = ("name", "label", "definition")


_TIES = "Scores that are equal to a relative 2⁻²⁸ are tied."


def _detection_metrics(prefix: str, score: str) -> tuple[Metric, ...]:
    name, by = f"ood.<set>.{prefix}", f" by {score}" if prefix else ""
    return (
        Metric(f"{name}auroc", f"AUROC{by} (<set>)", "up",
               f"Probability that the {score} of a random <set> input exceeds that of a random "
               f"in-distribution input, ties counted ½. {_TIES}"),
        Metric(f"{name}average_precision", f"AUPR{by} (<set>)", "up",
               f"Average precision (not interpolated) of the {score} with <set> as the positive "
               f"class; it depends on the ratio of the set sizes. {_TIES}"),
        Metric(f"{name}fpr_at_95_tpr", f"FPR@95{by} (<set>)", "down",
               f"Share of in-distribution inputs whose {score} is at or above the highest "
               f"threshold that at least 95 % of the <set> inputs reach. {_TIES}"),
    )  # fmt: skip


METRICS = (
    Metric("accuracy", "accuracy", "up",
           "Share of inputs whose most probable class is the label; of classes whose probabilities "
           "are equal to a relative 2⁻²⁸, the first counts as the most probable."),
    Metric("negative_log_likelihood", "NLL", "down", "Mean of −log p(label), in nats."),
    Metric("brier_score", "Brier", "down", "Mean of Σ_c (p_c − [c = label])², in [0, 2]."),
    Metric("expected_calibration_error", "ECE (15 bins)", "down",
           "Mean |confidence − accuracy| over 15 equal-width, right-closed bins of the highest "
           "probability, weighted by the inputs in each."),
    Metric("adaptive_calibration_error", "ACE (15 ranges)", "down",
           "Mean |p − frequency| over classes and, for each class, 15 ranges of p with equal "
           "numbers of inputs; inputs whose p is equal to a relative 2⁻²⁸ share their mean "
           "frequency."),
    Metric("epistemic_share", "epistemic share", "up",
           "Mutual information between label and draw, summed over all inputs of all sets, as a "
           "share of the predictive entropy: 0 if all draws predict the same."),
    *(m for prefix, words in _SCORES.items() for m in _detection_metrics(prefix, words)),
    Metric("ood.<set>.confident_fraction", "confident (<set>)", "down",
           "Share of <set> inputs whose highest probability is above 0.9."),
)  # fmt: skip
"""Metrics of `score`, in the order of its result."""

FIDELITY = (
    Metric("agreement", "agreement", "up",
           "Share of inputs whose most probable class is that of the reference posterior."),
    Metric("total_variation", "TV", "down",
           "Mean over inputs of ½ Σ_c |p_c − q_c|, where q is the reference posterior's."),
    Metric("ess_per_1000_gradients", "ESS (per 1000 gradients)", "up",
           "Bulk effective sample size of log p(label), median over the first 200 inputs, per "
           "1000 evaluations of the gradient on all the training data, burn-in included."),
    Metric("r_hat", "R-hat", "down",
           "Split R-hat of log p(label) with the seeds as chains, 99th percentile over the first "
           "200 inputs."),
)  # fmt: skip
"""Metrics of `fidelity.measure`."""


def describe(name: str) -> Metric:
    """Return the description of a metric, with the name of its OOD set.

    Raises:
        ValueError: The metric is unknown.
    """
    of_set = re.fullmatch(r"ood\.([^.]+)\.(.+)", name)
    pattern = f"ood.<set>.{of_set[2]}" if of_set else name
    for metric in (*METRICS, *FIDELITY):
        if metric.name == pattern:
            if not of_set:
                return metric
            texts = {key: getattr(metric, key).replace("<set>", of_set[1]) for key in _TEXTS}
            return replace(metric, **texts)
    raise ValueError(f"expected one of {', '.join(m.name for m in METRICS)}, got {name!r}")


def in_distribution(sets: Mapping[str, Predictions]) -> Predictions:
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


def score(sets: Mapping[str, Predictions]) -> dict[str, float]:
    """Compute every metric from predictions alone.

    Args:
        sets: Predictions by set name: "test" or "validation" is in distribution, others are OOD.

    Returns:
        Values by metric name (`METRICS`); OOD metrics as `ood.<set>.<metric>`.

    Raises:
        ValueError: There is not exactly one in-distribution set, or its labels are invalid.
    """
    inside = in_distribution(sets)
    p = inside.probabilities
    results = {name: metric(p, inside.labels) for name, metric in _CLASSIFICATION.items()}
    results["epistemic_share"] = _epistemic_share(sets)
    in_scores = _ood_scores(inside)
    for name, outside in sets.items():
        if name not in IN_DISTRIBUTION:
            detection = _detect(in_scores, _ood_scores(outside))
            results |= {f"ood.{name}.{key}": value for key, value in detection.items()}
            confident = metrics.confident(outside.probabilities)
            results[f"ood.{name}.confident_fraction"] = float(confident.mean())
    return results


def _ood_scores(predictions: Predictions) -> dict[str, metrics.Float64s]:
    p = predictions.probabilities
    return {
        "": metrics.predictive_entropy(p),
        "max_probability.": metrics.max_probability(p),
        "mutual_information.": metrics.mutual_information(p, predictions.expected_entropy),
    }


def _detect(
    inside: dict[str, metrics.Float64s], outside: dict[str, metrics.Float64s]
) -> dict[str, float]:
    return {
        prefix + name: metric(inside[prefix], outside[prefix])
        for prefix in _SCORES
        for name, metric in _DETECTION.items()
    }


def _epistemic_share(sets: Mapping[str, Predictions]) -> float:
    entropy = information = 0.0
    for predictions in sets.values():
        p = predictions.probabilities
        entropy += float(metrics.predictive_entropy(p).sum())
        information += float(metrics.mutual_information(p, predictions.expected_entropy).sum())
    return information / entropy if entropy > 0 else 0.0
