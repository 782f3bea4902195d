"""Hold what was measured, write it down, and compare it with what was measured before."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bdlbench.runs.machine import cores, processor

FOLDER = Path(__file__).parent
FIGURES, PAGE = FOLDER / "figures.json", FOLDER / "README.md"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
WORSE = 1.15  # a ratio that grew by more than this is reported
PACKAGES = ("torch", "jax", "numpyro", "numba", "blackjax", "posteriors", "torch-uncertainty")


@dataclass(frozen=True)
class Figure:
    """Hold one measurement.

    Args:
        name: What was measured.
        value: The number.
        unit: Its unit.
        ratio: Of a cost to what it is held against (smaller is better), or None.
        against: What that is.
        bar: The largest ratio, or value where there is no ratio, that is good enough.
    """

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""
    bar: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the bar is kept."""
        return self.bar is None or (self.value if self.ratio is None else self.ratio) <= self.bar


def table(figures: Sequence[Figure]) -> str:
    """Return a Markdown table."""
    lines = ["| | measured | ratio | to | bar | |", "|---|---:|---:|---|---:|---|"]
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        bar = "" if figure.bar is None else f"{figure.bar:.3g}"
        verdict = "" if figure.bar is None else "holds" if figure.holds else "**does not hold**"
        value = f"{figure.value:.3g} {figure.unit}"
        cells = (figure.name, value, ratio, figure.against, bar, verdict)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def heading() -> str:
    """Say when, on what and with what it was measured."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return (
        f"{date.today().isoformat()}, {processor()}, {cores()} cores, "
        f"Python {platform.python_version()}, {versions}"
    )


def write(sections: dict[str, list[Figure]]) -> None:
    """Keep the figures, and put the tables into the README between the marks."""
    content = {title: [asdict(figure) for figure in figures] for title, figures in sections.items()}
    FIGURES.write_text(json.dumps({"made": heading(), "figures": content}, indent=1) + "\n")
    parts = [heading(), *(f"### {title}\n\n{table(found)}" for title, found in sections.items())]
    page = PAGE.read_text("utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n\n".join(parts) + f"\n{END}{after}", "utf-8")


def worse(sections: dict[str, list[Figure]]) -> list[str]:
    """Say which ratios have grown since the figures were written."""
    kept = json.loads(FIGURES.read_text("utf-8"))["figures"]
    before = {
        (title, figure["name"], figure["against"]): figure["ratio"]
        for title, figures in kept.items()
        for figure in figures
    }
    found = []
    for title, figures in sections.items():
        for figure in figures:
            old = before.get((title, figure.name, figure.against))
            if old and figure.ratio and figure.ratio > WORSE * old:
                name = f"{title}: {figure.name} to {figure.against}"
                found.append(f"{name}: {old:.2f} was, {figure.ratio:.2f} is")
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"
