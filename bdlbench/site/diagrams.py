"""Say what is shown of a sampler's predictions: diagrams, and the numbers in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bdlbench.metrics.scores import in_distribution
from bdlbench.records.predictions import IN_DISTRIBUTION, Predictions
from bdlbench.runs import tasks
from bdlbench.site import evidence, figures


def view(task: str, runs: Sequence[Mapping[str, Predictions]]) -> dict[str, Any]:
    """Return the reliability diagram and the histograms of the confidence; None without runs."""
    if not runs:
        return {"reliability": None, "confidence": None}
    bins = evidence.reliability([in_distribution(sets) for sets in runs])
    names = _names(task, runs[0])
    histograms = [evidence.histogram(name, [sets[name] for sets in runs]) for name in names]
    return {
        "reliability": {"figure": figures.reliability(bins), "bins": [_bin(b) for b in bins]},
        "confidence": {
            "figure": figures.confidence(histograms, names),
            "names": list(names.values()),
            "rows": [
                {
                    "range": f"{k / evidence.BARS:.2f} to {(k + 1) / evidence.BARS:.2f}",
                    "shares": [f"{100 * h.shares[k]:.1f} %" for h in histograms],
                }
                for k in range(evidence.BARS)
            ],
        },
    }


def _names(task: str, sets: Mapping[str, Predictions]) -> dict[str, str]:
    """Return what the sets are called, the in-distribution set first, the others by name."""
    known = tasks.TASKS.get(task)
    inside = next(name for name in sets if name in IN_DISTRIBUTION)
    first = f"{known.dataset if known else task} ({inside} set)"
    return {inside: first} | {name: f"{name} (unknown)" for name in sorted(sets) if name != inside}


def _bin(found: evidence.Bin) -> dict[str, Any]:
    return {
        "range": f"{found.low:.3f} to {found.high:.3f}",
        "count": f"{found.count:,}",
        "confidence": "–" if found.confidence is None else f"{found.confidence:.4f}",
        "accuracy": "–" if found.accuracy is None else f"{found.accuracy:.4f}",
    }
