"""Rotated images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def rotate(images: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Rotate images about their centre, counter-clockwise, with bilinear interpolation (Pillow).

    Args:
        images: Shape (n, height, width).
        degrees: Angle; what comes from outside of an image is black.
    """
    way = Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(one).rotate(degrees, way)) for one in images])
