"""Letters A-J from the fonts that matplotlib ships, with strokes of any width.

A letter is stored as its signed distance map: thresholding the map at a distance erodes or dilates
the strokes by that number of pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_erosion, distance_transform_edt

if TYPE_CHECKING:
    from numpy.typing import NDArray

LETTERS = "ABCDEFGHIJ"
# All faces with plain Latin capitals that matplotlib ships; not cmsy10 (script capitals), cmex10
# (brackets and sums in place of letters) and the symbol fonts.
FACES = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *("cmr10", "cmb10", "cmss10", "cmtt10", "cmti10", "cmmi10"),
)
EM = 104  # font size in pixels: capitals are 64 to 98 pixels high
SIDE = 160  # side of a distance map: fits every letter, thickened, sheared and rotated
MAX_ROTATION = np.deg2rad(12)
MAX_SHEAR = 0.25  # MNIST's digits have a shear of standard deviation 0.24
MIN_STROKE = 0.065  # of the height, 1.3 of MNIST's 20 pixels: thinner lines break into dots


@dataclass(frozen=True, eq=False)
class Glyph:
    """One letter of one typeface.

    Args:
        label: Index in `LETTERS`.
        distance: Distance to the outline in pixels, positive inside, shape (SIDE, SIDE).
        stroke: Mean stroke width in pixels.
        height: Height in pixels.
        max_erosion: Pixels that can be eroded on each side before hairlines break.
    """

    label: int
    distance: NDArray[np.float32]
    stroke: float
    height: int
    max_erosion: float


def font_path(face: str) -> Path:
    """Return the path of a font file of matplotlib."""
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"


@cache
def glyphs() -> tuple[Glyph, ...]:
    """Render the letters A to J of each of `FACES`, in this order."""
    return tuple(glyph for face in FACES for glyph in _face_glyphs(face))


def letter_bitmaps(
    copies: int, stroke: float, spread: float, seed: int
) -> tuple[list[Image.Image], NDArray[np.int64]]:
    """Draw every glyph several times, with random rotation, shear and stroke width.

    Args:
        copies: Examples per glyph, of `len(FACES) * 10` glyphs.
        stroke: Median stroke width as a fraction of the letter's height.
        spread: Standard deviation of the logarithm of the stroke width.
        seed: Seed of the variations and of the order.

    Returns:
        Bitmaps (mode L, values 0 and 255, cropped to the letter) and their labels, 0-9 for A-J, in
        random order, so that the first n are a random sample.
    """
    rng = np.random.default_rng(seed)
    chosen = [
        glyphs()[i] for i in rng.permutation(np.arange(copies * len(glyphs())) % len(glyphs()))
    ]
    widths = np.maximum(stroke * np.exp(spread * rng.standard_normal(len(chosen))), MIN_STROKE)
    turns = rng.uniform(-MAX_ROTATION, MAX_ROTATION, len(chosen))
    shears = rng.uniform(-MAX_SHEAR, MAX_SHEAR, len(chosen))
    drawn = map(_draw, chosen, widths, turns, shears)
    return list(drawn), np.array([glyph.label for glyph in chosen], dtype=np.int64)


def block_counts(bitmaps: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Count the set pixels of 4x4 blocks, as for the UCI handwritten digits.

    Source: Alpaydin & Kaynak (1998), doi:10.24432/C50P49.

    Args:
        bitmaps: Shape (N, 32, 32).

    Returns:
        Shape (N, 8, 8), values 0 to 16.
    """
    counts = np.sum(bitmaps.reshape(-1, 8, 4, 8, 4), axis=(2, 4), dtype=np.uint8)
    return np.asarray(counts)


def upsample(counts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Upsample 8x8 block counts bilinearly (Pillow) to 28x28 pixels, 0..16 becoming 0..255.

    Args:
        counts: Shape (N, 8, 8), values 0 to 16.

    Returns:
        Shape (N, 28, 28).
    """
    grey = np.rint(counts * (255 / 16)).astype(np.uint8)
    size, way = (28, 28), Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(image).resize(size, way)) for image in grey])


def _face_glyphs(face: str) -> list[Glyph]:
    font = ImageFont.truetype(str(font_path(face)), EM)
    bitmaps = [_centred(letter, font) for letter in LETTERS]
    distances = [_signed_distance(bitmap) for bitmap in bitmaps]
    # The bar of the H is about the thinnest stroke of a face: erode it to half its width at most.
    bar = float(distances[LETTERS.index("H")][:, SIDE // 2].max())
    glyphs = []
    for label, (bitmap, distance) in enumerate(zip(bitmaps, distances, strict=True)):
        outline = np.count_nonzero(bitmap & ~binary_erosion(bitmap))
        # A stroke of length L and width w has area L w and an outline of about 2 L.
        width = 2 * np.count_nonzero(bitmap) / outline
        height = int(np.count_nonzero(bitmap.any(axis=1)))
        glyphs.append(Glyph(label, distance, width, height, bar / 2))
    return glyphs


def _centred(letter: str, font: ImageFont.FreeTypeFont) -> NDArray[np.bool_]:
    image = Image.new("1", (SIDE, SIDE))
    ImageDraw.Draw(image).text((SIDE // 2, SIDE // 2), letter, fill=1, font=font, anchor="mm")
    ink = image.crop(image.getbbox())
    image.paste(0, (0, 0, SIDE, SIDE))
    image.paste(ink, ((SIDE - ink.width) // 2, (SIDE - ink.height) // 2))
    return np.asarray(image)


def _signed_distance(bitmap: NDArray[np.bool_]) -> NDArray[np.float32]:
    inside, outside = distance_transform_edt(bitmap), distance_transform_edt(~bitmap)
    return (inside - outside).astype(np.float32)


def _draw(glyph: Glyph, stroke: float, turn: float, shear: float) -> Image.Image:
    # The letter's height grows with its strokes: width / (height - old width + width) = stroke.
    width = stroke * (glyph.height - glyph.stroke) / (1 - stroke)
    erosion = min((glyph.stroke - width) / 2, glyph.max_erosion)
    cos, sin, centre = np.cos(turn), np.sin(turn), SIDE / 2
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear], [0, 1]])
    a, b, c, d = matrix.ravel()
    x, y = centre - matrix @ (centre, centre)
    moved = Image.fromarray(glyph.distance).transform(
        (SIDE, SIDE),
        Image.Transform.AFFINE,
        (a, b, x, c, d, y),
        Image.Resampling.BILINEAR,
        fillcolor=-SIDE,
    )
    bitmap = Image.fromarray(np.where(np.asarray(moved) > erosion, np.uint8(255), np.uint8(0)))
    return bitmap.crop(bitmap.getbbox())
