"""A small residual network for colour images, without BatchNorm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from bdlbench.errors import BdlbenchError
from bdlbench.registry import register
from bdlbench.settings import check_positive

GROUPS = 8  # at most; a group has at least two channels


@register("resnet8")
@dataclass(frozen=True)
class ResNet8:
    """ResNet-8 with GroupNorm: a convolution, three residual blocks and a linear layer.

    Source: He et al. (2016), Deep residual learning for image recognition; the depth is that of
    Banbury et al. (2021), MLPerf Tiny benchmark; GroupNorm of Wu & He (2018) replaces BatchNorm,
    whose outputs are not a function of one input.

    Args:
        width: Channels of the first block; the others have two and four times as many.
    """

    width: int = 16

    def __post_init__(self) -> None:
        check_positive(width=self.width)

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Sequential:
        """Return the module, for images (height, width) or (channels, height, width)."""
        if len(input_shape) not in (2, 3):
            raise BdlbenchError(
                f"expected images (height, width) or (channels, height, width), got {input_shape}"
            )
        channels = math.prod(input_shape[:-2])
        widths = [self.width, self.width, 2 * self.width, 4 * self.width]
        blocks = [
            Block(inside, outside, 1 if inside == outside else 2)
            for inside, outside in pairwise(widths)
        ]
        return nn.Sequential(
            *([nn.Unflatten(1, (1, input_shape[0]))] if len(input_shape) == 2 else []),
            _convolution(channels, self.width, 1),
            nn.ReLU(),
            *blocks,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(widths[-1], outputs),
        )


class Block(nn.Module):
    """A residual block: relu(f(x) + shortcut(x)), f two normalised 3×3 convolutions."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(inside, outside, stride)
        self.second = _convolution(outside, outside, 1)
        same = inside == outside and stride == 1
        self.shortcut = nn.Identity() if same else _convolution(inside, outside, stride, size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, of shape (n, channels, height, width)."""
        outputs: Tensor = self.second(torch.relu(self.first(x)))
        return torch.relu(outputs + self.shortcut(x))


def _convolution(inside: int, outside: int, stride: int, size: int = 3) -> nn.Sequential:
    groups = 1 if outside % 2 else math.gcd(GROUPS, outside // 2)
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, stride, padding=size // 2, bias=False),
        nn.GroupNorm(groups, outside),
    )
