"""Columns and cells of a table, for the terminal, Markdown and the site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bdlbench.comparison.summary import (
    COSTS,
    ECE,
    NULL,
    Row,
    confident_fractions,
    looks_calibrated,
)
from bdlbench.metrics.catalogue import FIDELITY, WITHOUT_REFERENCE, describe
from bdlbench.metrics.description import Direction, Kind

CHANCE = "°"
CHANCE_RULE = (
    f"{CHANCE}: explained by chance: over one in 40 calibrated predictors as confident have a "
    "larger ECE."
)
ARROWS = {"up": "↑", "down": "↓", "none": ""}
SHOWN = {"ess_per_1000_gradients": "{:,.1f}", "r_hat": "{:#.3g}"}


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Args:
        text: The mean, or other text.
        spread: Half-width of the confidence interval over seeds; empty if there is none.
        wider: Half-width of that over seeds and test inputs, likewise.
        order: Sort key on the site; an empty string sorts last.
        best: Whether it is significantly better than another sampler, and none than it.
    """

    text: str
    spread: str = ""
    order: str = ""
    best: bool = False
    wider: str = ""

    def __str__(self) -> str:
        return f"{self.text}\n±{self.spread}" if self.spread else self.text


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        metric: Name of the metric or cost.
        label: Header; may contain a line break.
        detail: Second line of the header, in parentheses; may be empty.
        direction: Whether higher (``up``) or lower (``down``) is better, or neither (``none``).
        show: Formats a value.
        spread: Whether to print the half-width of the confidence interval below the mean.
    """

    metric: str
    label: str
    detail: str = ""
    direction: Direction = "down"
    show: Callable[[float], str] = "{:.4f}".format
    spread: bool = True

    @property
    def arrow(self) -> str:
        """Arrow in the direction of better values, ↑ or ↓; empty for a cost."""
        return "" if self.metric in COSTS else ARROWS[self.direction]

    @property
    def title(self) -> str:
        """The header on one line, without the arrow."""
        return f"{self.label} ({self.detail})" if self.detail else self.label

    @property
    def header(self) -> str:
        """Label, detail and arrow."""
        detail = f"\n({self.detail})" if self.detail else ""
        return f"{self.label}{detail} {self.arrow}".rstrip()

    def cell(self, row: Row, best: bool = False) -> Cell:
        """Format a row's mean and its confidence interval; a dash without them."""
        interval = row.metrics.get(self.metric)
        if interval is None:
            return Cell("–")
        spread, wider = (
            self.show(end - interval.mean) if self.spread and end is not None else ""
            for end in (interval.high, interval.high_with_points)
        )
        text = self.show(interval.mean) + self.mark(row)
        return Cell(text, spread, f"{interval.mean:.6g}", best, wider)

    def mark(self, row: Row) -> str:
        """Return the mark of an ECE that chance explains, or an empty string."""
        return CHANCE if self.metric == ECE and looks_calibrated(row) else ""


def columns(headline: Sequence[str], split: str, shift: Sequence[str] = ()) -> list[Column]:
    """Return all columns of a board.

    Args:
        headline: Names of the metrics that samplers are compared on.
        split: The split evaluated on, ``test`` or ``validation``.
        shift: Names of the shifted test sets, by degree.
    """
    confident = confident_fractions(headline)
    kind: Kind = "real" if "lppd" in headline else "classes"
    fidelity = (column.metric for column in fidelity_columns(split, kind))
    scored = [*headline, *confident, *shifted(shift, kind), *fidelity]
    if ECE in scored:
        scored.insert(scored.index(ECE) + 1, NULL)
    return [*map(scored_column, scored), *cost_columns()]


def shifted(shift: Sequence[str], kind: str) -> list[str]:
    """Return the metrics on the middle one of the shifted sets, such as 45° of 15° to 60°."""
    names = shift[len(shift) // 2 :][:1]
    metrics = ("lppd", "rmse") if kind == "real" else ("accuracy", "negative_log_likelihood", ECE)
    return [f"shift.{name}.{metric}" for name in names for metric in metrics]


def scored_column(metric: str) -> Column:
    """Return the column of a metric."""
    described = describe(metric)
    label, _, detail = described.label.removesuffix(")").partition(" (")
    if metric.endswith(".confident_fraction"):
        label = label.replace("confident", ">90 % sure")
    show = SHOWN.get(metric, "{:.4f}").format
    return Column(metric, label, detail, described.direction, show)


def fidelity_columns(split: str, kind: Kind = "any") -> list[Column]:
    """Return the columns on the posterior; the validation split has no reference."""
    return [
        scored_column(one.name)
        for one in FIDELITY
        if (split == "test" or one.name in WITHOUT_REFERENCE)
        and ("any" in (kind, one.kind) or kind == one.kind)
    ]


def cost_columns() -> list[Column]:
    """Return the columns of costs."""
    return [
        Column("epochs", "epochs", show="{:.4g}".format, spread=False),
        Column("seconds", "seconds", show="{:.1f}".format),
        Column("peak_memory_bytes", "peak\nMB", show=lambda x: f"{x / 1e6:.0f}", spread=False),
    ]


def control_rows(
    controls: Mapping[str, Mapping[str, float]], columns: Sequence[Column]
) -> list[tuple[str, list[Cell]]]:
    """Return name and cells of each control, from its AUROC by OOD set and control."""
    body = []
    for control in dict.fromkeys(name for aurocs in controls.values() for name in aurocs):
        values = {f"ood.{ood}.auroc": aurocs[control] for ood, aurocs in controls.items()}
        cells = [
            Cell(one.show(values[one.metric]) if one.metric in values else "") for one in columns
        ]
        body.append((f"control: {control.replace('_', ' ')}", cells))
    return body
