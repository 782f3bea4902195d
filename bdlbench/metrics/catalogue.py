"""All metrics, and their descriptions by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bdlbench import metrics
from bdlbench.metrics import losses, plugins
from bdlbench.metrics.description import Kind, Metric
from bdlbench.metrics.of_classes import CLASSES
from bdlbench.metrics.of_real import REAL

DETECTION = {
    "auroc": metrics.auroc,
    "average_precision": metrics.average_precision,
    "fpr_at_95_tpr": metrics.fpr_at_95_tpr,
}
SCORES = {  # description of the OOD score by prefix of the metric; the first is the default
    "": "predictive entropy",
    "max_probability.": "1 − highest probability",
    "mutual_information.": "mutual information",
}
SHIFTED = (
    *("accuracy", "negative_log_likelihood", "expected_calibration_error"),
    *("lppd", "rmse", "crps", "coverage_90"),
)
_TEXTS = ("name", "label", "definition")
_TIES = "Scores that are equal to a relative 2⁻²⁸ are tied."
_OF_REAL = "For real targets, the score is the standard deviation of the mixture."


def _detection_metrics(prefix: str, score: str) -> tuple[Metric, ...]:
    name, by = f"ood.<set>.{prefix}", f" by {score}" if prefix else ""
    kind: Kind = "classes" if prefix else "any"
    more = "" if prefix else f" {_OF_REAL}"
    found = (
        Metric(f"{name}auroc", f"AUROC{by} (<set>)", "up",
               f"Probability that the {score} of a random <set> input exceeds that of a random "
               f"in-distribution input, ties counted ½.{more} {_TIES}",
               limits="Where to put a threshold, or what a sampler does with other unknown "
               "inputs: it is of this set, and the control rows may score as high."),
        Metric(f"{name}average_precision", f"AUPR{by} (<set>)", "up",
               f"Average precision (not interpolated) of the {score} with <set> as the positive "
               f"class; it depends on the ratio of the set sizes.{more} {_TIES}",
               limits="Anything across sets of different sizes: chance is the share of <set>."),
        Metric(f"{name}fpr_at_95_tpr", f"FPR@95, OOD positive{by} (<set>)", "down",
               f"Share of in-distribution inputs whose {score} is at or above the highest "
               f"threshold that at least 95 % of the <set> inputs reach.{more} {_TIES}",
               limits="Anything beside papers with in-distribution as the positive class, as "
               "many have it: the two rates differ."),
    )  # fmt: skip
    return tuple(replace(metric, kind=kind) for metric in found)


_SHIFT = tuple(
    replace(
        metric,
        name=f"shift.<set>.{metric.name}",
        label=f"{metric.label.partition(' (')[0]} (<set>)",
        definition=f"On the shifted test set <set>: {metric.definition}",
    )
    for metric in (*CLASSES, *REAL)
    if metric.name in SHIFTED
)
METRICS = (
    *CLASSES,
    *REAL,
    Metric("epistemic_share", "epistemic share", "up",
           "Mutual information between label and draw, summed over all inputs of all sets, as a "
           "share of the predictive entropy: 0 if all draws predict the same. For real targets, "
           "the variance of the draws' locations as a share of the mixture's variance.",
           "any", limits="Whether it is right: it has no best value."),
    *(m for prefix, words in SCORES.items() for m in _detection_metrics(prefix, words)),
    Metric("ood.<set>.confident_fraction", "confident (<set>)", "down",
           "Share of <set> inputs whose highest probability is above 0.9.",
           parts=losses.confident,
           limits="Anything without the same share of test inputs: never being sure scores 0."),
    *_SHIFT,
)  # fmt: skip
"""Metrics of `score`, in the order of its result."""

FIDELITY = (
    Metric("agreement", "agreement", "up",
           "Share of inputs whose most probable class is that of the reference posterior."),
    Metric("total_variation", "TV", "down",
           "Mean over inputs of ½ Σ_c |p_c − q_c|, where q is the reference posterior's; for real "
           "targets, of ½ ∫ |p − q| dy.", "any",
           limits="Whether a sampler is wrong or only has too few draws: see the next two."),
    Metric("tv_bias", "TV bias", "down",
           "Total variation from the reference that is left when the Monte-Carlo error of the "
           "runs and of the reference is removed: bias² = (K·T_K² − T_1²)/(K − 1) − H²/4, T_1 the "
           "TV of one run, T_K that of the average of all K runs, H that between the halves of "
           "the reference; 0 if negative. The interval is over seeds (jackknife) and inputs.",
           "any", limits="Whether the density or the length of the run is at fault."),
    Metric("tv_error", "MC error", "down",
           "Total variation of one run that comes from its finitely many, correlated draws: "
           "error² = K·(T_1² − T_K²)/(K − 1), so that T_1² − H²/4 = bias² + error².",
           "any", limits="How far the density is from the posterior: see tv_bias."),
    Metric("ess_per_1000_gradients", "ESS (per 1000 gradients)", "up",
           "Bulk effective sample size of log p(label), median over the first 200 inputs, per "
           "1000 evaluations of the gradient on all the training data, burn-in included.", "any"),
    Metric("r_hat", "R-hat", "down",
           "Split R-hat of log p(label) with the seeds as chains, 99th percentile over the first "
           "200 inputs.", "any"),
)  # fmt: skip
"""Metrics of `fidelity.measure`."""
WITHOUT_REFERENCE = ("ess_per_1000_gradients", "r_hat")
_ALL = {metric.name: metric for metric in (*METRICS, *FIDELITY)}
plugins.RESERVED.update(_ALL)


def split(name: str) -> tuple[str, str | None]:
    """Return the general name of a metric, with ``<set>``, and the name of its set, or None."""
    of_set = re.fullmatch(r"(ood|shift)\.([^.]+)\.(.+)", name)
    return (f"{of_set[1]}.<set>.{of_set[3]}", of_set[2]) if of_set else (name, None)


def general(name: str) -> Metric:
    """Return the description of a metric, with ``<set>`` for its set.

    Raises:
        ValueError: The metric is unknown.
    """
    pattern, _ = split(name)
    found = _ALL.get(pattern) or plugins.described(pattern)
    if found is None:
        raise ValueError(f"expected one of {', '.join(m.name for m in METRICS)}, got {name!r}")
    return found


def describe(name: str, sizes: Mapping[str, int] | None = None) -> Metric:
    """Return the description of a metric, with the name of its set.

    Args:
        name: Name of the metric; of a plugin, its registered name.
        sizes: Number of inputs by set, which is then added to the definition.

    Raises:
        ValueError: The metric is unknown.
    """
    found, (_, of) = general(name), split(name)
    if of is None:
        return found
    texts = {key: getattr(found, key).replace("<set>", of) for key in _TEXTS}
    if sizes:
        texts["definition"] += f" {counts(sizes)}"
    return replace(found, **texts)


def counts(sizes: Mapping[str, int]) -> str:
    """Return numbers of inputs as a sentence, such as ``Inputs: test 10,000.``."""
    return "Inputs: " + ", ".join(f"{name} {count:,}" for name, count in sizes.items()) + "."
