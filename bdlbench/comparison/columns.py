"""The columns of a table and their cells, for the terminal, for Markdown and for the site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bdlbench.comparison.summary import COSTS
from bdlbench.metrics.scores import FIDELITY, describe
from bdlbench.metrics.statistics import Interval

ARROWS = {"up": "↑", "down": "↓"}
SHOWN = {"ess_per_1000_gradients": "{:.3g}", "r_hat": "{:#.3g}"}


@dataclass(frozen=True)
class Cell:
    """The content of a cell.

    Args:
        text: The mean, or other text.
        spread: Half of its interval; empty without one.
        order: What the site sorts by; empty, which is last, without a mean.
        best: Whether no sampler is significantly better.
    """

    text: str
    spread: str = ""
    order: str = ""
    best: bool = False

    def __str__(self) -> str:
        return f"{self.text}\n±{self.spread}" if self.spread else self.text


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        metric: Name of its metric or cost.
        label: What it is called; a line break may be in it.
        detail: The rest of its name, shown below in brackets; may be empty.
        direction: Where better values lie.
        show: Writes a value.
        spread: Whether half of the interval is shown below the mean.
    """

    metric: str
    label: str
    detail: str = ""
    direction: Literal["up", "down"] = "down"
    show: Callable[[float], str] = "{:.4f}".format
    spread: bool = True

    @property
    def arrow(self) -> str:
        """Arrow in the direction of better values, ↑ or ↓; empty for a cost."""
        return "" if self.metric in COSTS else ARROWS[self.direction]

    @property
    def title(self) -> str:
        """The name in one line."""
        return f"{self.label} ({self.detail})" if self.detail else self.label

    @property
    def header(self) -> str:
        """The name with its arrow, in two lines if there is a detail."""
        detail = f"\n({self.detail})" if self.detail else ""
        return f"{self.label}{detail} {self.arrow}".rstrip()

    def cell(self, interval: Interval | None, best: bool = False) -> Cell:
        """Return the cell of a mean, or one with a dash."""
        if interval is None:
            return Cell("–")
        half = "" if interval.high is None else self.show(interval.high - interval.mean)
        spread = half if self.spread else ""
        return Cell(self.show(interval.mean), spread, f"{interval.mean:.6g}", best)


def columns(headline: Sequence[str], split: str) -> list[Column]:
    """Return the columns of a table.

    Args:
        headline: Names of the metrics that samplers are compared on.
        split: What was judged on, ``test`` or ``validation``.
    """
    sure = [
        name.replace(".auroc", ".confident_fraction")
        for name in headline
        if name.startswith("ood.")
    ]
    # On the validation split there is no reference posterior to be near to.
    near = FIDELITY if split == "test" else FIDELITY[2:]
    found = []
    for name in [*headline, *sure, *(metric.name for metric in near)]:
        metric = describe(name)
        label, _, detail = metric.label.removesuffix(")").partition(" (")
        label = label.replace("confident", ">90 % sure")
        show = SHOWN.get(name, "{:.4f}").format
        found.append(Column(name, label, detail, metric.direction, show))
    return [
        *found,
        Column("epochs", "epochs", show="{:.4g}".format, spread=False),
        Column("seconds", "seconds", show="{:.1f}".format),
        Column("peak_memory_bytes", "peak\nMB", show=lambda x: f"{x / 1e6:.0f}", spread=False),
    ]


def control_rows(
    controls: Mapping[str, Mapping[str, float]], columns: Sequence[Column]
) -> list[tuple[str, list[Cell]]]:
    """Return the control rows: name and cells, most of them empty.

    Args:
        controls: AUROC by OOD set and control.
        columns: Of the table.
    """
    body = []
    for control in dict.fromkeys(name for found in controls.values() for name in found):
        values = {f"ood.{ood}.auroc": found[control] for ood, found in controls.items()}
        cells = [
            Cell(one.show(values[one.metric]) if one.metric in values else "") for one in columns
        ]
        body.append((f"control: {control.replace('_', ' ')}", cells))
    return body
