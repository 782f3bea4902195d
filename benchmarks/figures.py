"""Benchmark results: format, store and compare with stored ones."""

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
WORSE = 1.15  # ratios that grew by more than this factor are reported
PACKAGES = ("torch", "jax", "numpyro", "numba", "blackjax", "posteriors", "torch-uncertainty")


@dataclass(frozen=True)
class Figure:
    """One measurement.

    Args:
        name: Name of the measured quantity.
        value: Measured value.
        unit: Its unit.
        ratio: Ratio of the cost to that of the alternative (lower is better), or None.
        against: Name of the alternative.
        bar: Highest acceptable ratio, or value if there is no ratio.
    """

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""
    bar: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the ratio, or else the value, is acceptable."""
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
    """Describe date, machine and versions."""
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    return (
        f"{date.today().isoformat()}, {processor()}, {cores()} cores, "
        f"Python {platform.python_version()}, {versions}"
    )


def write(sections: dict[str, list[Figure]]) -> None:
    """Store the results, and update the tables in README.md."""
    content = {title: [asdict(figure) for figure in figures] for title, figures in sections.items()}
    FIGURES.write_text(json.dumps({"made": heading(), "figures": content}, indent=1) + "\n")
    parts = [heading(), *(f"### {title}\n\n{table(found)}" for title, found in sections.items())]
    page = PAGE.read_text("utf-8")
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n\n".join(parts) + f"\n{END}{after}", "utf-8")


def worse(sections: dict[str, list[Figure]]) -> list[str]:
    """Describe the ratios that grew since the stored results."""
    stored = json.loads(FIGURES.read_text("utf-8"))["figures"]
    before = {
        (title, figure["name"], figure["against"]): figure["ratio"]
        for title, figures in stored.items()
        for figure in figures
    }
    lines = []
    for title, figures in sections.items():
        for figure in figures:
            old = before.get((title, figure.name, figure.against))
            if old and figure.ratio and figure.ratio > WORSE * old:
                name = f"{title}: {figure.name} to {figure.against}"
                lines.append(f"{name}: {old:.2f} before, {figure.ratio:.2f} now")
    return lines


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "–"
