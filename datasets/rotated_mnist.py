"""MNIST's handwritten digits, rotated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bdlbench import register, registry
from bdlbench.data import parts
from bdlbench.data.examples import Examples
from bdlbench.data.rotation import rotate
from bdlbench.settings import check_range

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@register("rotated-mnist")
@dataclass(frozen=True)
class RotatedMNIST:
    """The test images of `mnist`, rotated counter-clockwise by an angle in degrees.

    A shift by degrees: Ovadia et al. (2019), arXiv:1906.02530, rotate MNIST by up to 180°. Read
    like `mnist`.

    Args:
        degrees: Angle, from -180 to 180.
    """

    degrees: float = 15.0
    splits: ClassVar[tuple[str, ...]] = ("test",)

    def __post_init__(self) -> None:
        check_range(-180, 180, degrees=self.degrees)

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Load the rotated images, with pixels 0 to 255 and labels 0-9.

        Raises:
            ValueError: The split is not "test".
        """
        parts.check_split(split, self.splits)
        upright = registry.load("datasets", "mnist")().load(split, folders)
        return Examples(rotate(upright.x, self.degrees), upright.y, upright.classes)
