"""What a metric is: names, directions, definitions and how inputs contribute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bdlbench.metrics.parts import Parts

Direction = Literal["up", "down", "none"]
Kind = Literal["classes", "real", "any"]
SIGNS = {"up": 1, "down": -1, "none": 0}


@dataclass(frozen=True)
class Metric:
    """Description of a metric; `<set>` stands for the name of an OOD or a shifted set.

    Attributes:
        name: Key of the metric in a record: of the test set, ``ood.<set>.…`` or ``shift.<set>.…``.
        label: Heading in tables.
        direction: "up" if higher values are better, "down" if lower ones are, "none" if neither.
        definition: Definition in one sentence.
        kind: Predictions that it is defined for: of classes, of real targets, or any.
        parts: The contributions of one set's inputs; returns None where there are none. Metrics
            without it compare two sets, or draws of several runs.
        unit: Unit of its values; empty for a share or another pure number.
        source: Where it was proposed.
        limits: What it cannot say.
    """

    name: str
    label: str
    direction: Direction
    definition: str
    kind: Kind = "classes"
    parts: Callable[[Any], Parts | None] | None = None
    unit: str = ""
    source: str = ""
    limits: str = ""

    @property
    def sign(self) -> int:
        """1 if higher values are better, −1 if lower ones are, 0 if neither."""
        return SIGNS[self.direction]
