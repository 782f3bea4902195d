"""Write docs/metrics.md: docs/metrics.in.md, with a section for every metric.

Usage: ``python docs/make_metrics.py``. The sections are made from the descriptions in
`bdlbench.metrics`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bdlbench.metrics.catalogue import FIDELITY, METRICS
from bdlbench.metrics.description import Metric

DOCS = Path(__file__).parent
DIRECTIONS = {"up": "↑", "down": "↓", "none": "none"}
GROUPS = {
    "Of classes": [m for m in METRICS if m.kind == "classes" and "<set>" not in m.name],
    "Of real targets": [m for m in METRICS if m.kind == "real" and "<set>" not in m.name],
    "Of any predictions": [m for m in METRICS if m.name == "epistemic_share"],
    "Of OOD sets": [m for m in METRICS if m.name.startswith("ood.")],
    "Of the posterior": list(FIDELITY),
}


def page() -> str:
    """Return the page."""
    text = (DOCS / "metrics.in.md").read_text("utf-8")
    return text.replace("{{metrics}}", "\n".join(_sections()).strip())


def _sections() -> Iterator[str]:
    for title, group in GROUPS.items():
        yield f"## {title}\n"
        for metric in group:
            yield from _section(metric)
    shifted = ", ".join(f"`{m.name}`" for m in METRICS if m.name.startswith("shift."))
    yield f"## Of shifted test sets\n\nAs on the test set: {shifted}.\n"


def _section(metric: Metric) -> Iterator[str]:
    yield f"### `{metric.name}`: {_escaped(metric.label)}\n"
    yield f"{_escaped(metric.definition)}\n"
    rows = [
        ("Direction", DIRECTIONS[metric.direction]),
        ("Unit", metric.unit or "none"),
        ("Source", metric.source),
        ("It cannot say", metric.limits[:1].lower() + metric.limits[1:]),
    ]
    for name, text in rows:
        if text:
            yield f"- {name}: {_escaped(text)}"
    yield ""


def _escaped(text: str) -> str:
    return text.replace("<set>", "&lt;set&gt;")


if __name__ == "__main__":
    (DOCS / "metrics.md").write_text(page(), "utf-8")
