"""Say in words what a comparison shows."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from bdlbench.comparison.summary import Summary
from bdlbench.metrics.catalogue import describe
from bdlbench.metrics.statistics import UNCLEAR, Difference, Verdict

DETAILED = 3  # samplers against the baseline, up to which every clear difference gets a line
CLAIMS = {  # by the last part of the metric's name: claims if better and if worse
    "accuracy": ("is more accurate than", "is less accurate than"),
    "negative_log_likelihood": ("has a lower NLL than", "has a higher NLL than"),
    "brier_score": ("has a lower Brier score than", "has a higher Brier score than"),
    "expected_calibration_error": (
        "is better calibrated than",
        "is less well calibrated than",
    ),
    "lppd": ("has a higher LPPD than", "has a lower LPPD than"),
    "rmse": ("has a lower RMSE than", "has a higher RMSE than"),
    "crps": ("has a lower CRPS than", "has a higher CRPS than"),
    "pit_calibration_error": ("is better calibrated than", "is less well calibrated than"),
    "auroc": ("detects <set> better than", "detects <set> worse than"),
    "confident_fraction": ("is sure of fewer <set> than", "is sure of more <set> than"),
}
SHORT = {"auroc": "AUROC", "confident_fraction": ">90 % sure"}


@dataclass(frozen=True)
class Claim:
    """One line of the verdict.

    Args:
        text: The line.
        verdict: What it says, for its colour; None if it says several things.
    """

    text: str
    verdict: Verdict | None


def claims(comparison: Summary, metrics: Container[str] | None = None) -> list[Claim]:
    """Return the verdict on each sampler against the baseline, clear differences first.

    Args:
        comparison: The comparison.
        metrics: Names of the metrics to speak of; by default all.
    """
    by_sampler: dict[str, list[Difference]] = {}
    for sampler, difference in comparison.differences:
        if metrics is None or difference.metric in metrics:
            by_sampler.setdefault(sampler, []).append(difference)
    say = _detailed if len(by_sampler) <= DETAILED else _brief
    baseline = comparison.rows[comparison.baseline].sampler
    return [claim for name, found in by_sampler.items() for claim in say(name, baseline, found)]


def sentence(difference: Difference, sampler: str, baseline: str) -> str:
    """Describe a clear difference: "sgld detects letters better than sgd: AUROC +0.054 [0.047, …]".

    Args:
        difference: Of the sampler from the baseline, better or worse.
        sampler: Label of the sampler.
        baseline: Label of the baseline.
    """
    *_, ood, last = ("", *difference.metric.split("."))
    claim = (CLAIMS.get(last) or _claims(difference.metric))[difference.verdict == "worse"]
    claim = claim.replace("<set>", ood)
    label = SHORT.get(last) or _label(difference.metric)
    return f"{sampler} {claim} {baseline}: {label} {numbers(difference)}"


def _claims(metric: str) -> tuple[str, str]:
    """Return the claims if better and if worse of a metric that has none of its own."""
    higher, lower = (f"has a {word} {_label(metric)} than" for word in ("higher", "lower"))
    return (higher, lower) if describe(metric).direction == "up" else (lower, higher)


def numbers(difference: Difference) -> str:
    """Format a difference and its interval: "+0.054 [0.047, 0.061]"."""
    half = (difference.high - difference.low) / 2
    places = 3 if half <= 0 else min(max(3, -math.floor(math.log10(half))), 6)
    ends = f"[{difference.low:.{places}f}, {difference.high:.{places}f}]"
    return f"{difference.difference:+.{places}f} {ends}"


def _detailed(sampler: str, baseline: str, found: Sequence[Difference]) -> Iterator[Claim]:
    """Yield a line per clear difference, and one for all others."""
    for difference in sorted(found, key=_strength, reverse=True):
        if difference.verdict != UNCLEAR:
            yield Claim(sentence(difference, sampler, baseline), difference.verdict)
    unclear = _listed(found, UNCLEAR)
    if unclear:
        yield Claim(f"{sampler}: no clear difference from {baseline} in {unclear}", UNCLEAR)


def _brief(sampler: str, baseline: str, found: Sequence[Difference]) -> Iterator[Claim]:
    """Yield one line: what the sampler is better, worse, or neither at."""
    parts = [f"{verdict} in {_listed(found, verdict)}" for verdict in ("better", "worse")
             if _listed(found, verdict)]  # fmt: skip
    if parts:
        yield Claim(f"{sampler}, against {baseline}: {'; '.join(parts)}", None)
    else:
        yield Claim(f"{sampler}: no clear difference from {baseline}", UNCLEAR)


def _listed(found: Sequence[Difference], verdict: str) -> str:
    return ", ".join(_label(each.metric) for each in found if each.verdict == verdict)


def _label(metric: str) -> str:
    """Return the label of a metric without its number of bins: "AUROC (letters)"."""
    last = metric.rpartition(".")[2]
    text = describe(metric).label
    if last in SHORT:
        return SHORT[last] + text[text.index(" (") :]
    return text.partition(" (")[0]


def _strength(difference: Difference) -> float:
    """Return the difference in units of the half-width of its interval."""
    half = (difference.high - difference.low) / 2
    return abs(difference.difference) / half if half > 0 else math.inf
