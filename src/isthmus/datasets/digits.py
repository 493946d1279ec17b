"""Captioned digits: a small image-caption set with known factors, made from scikit-learn's
1,797 scanned handwritten digits, in the way of MAD (Multimodal Attributes and Digits).

Each scan is enlarged through a cubic spline, drawn in a random combination of thickness,
swelling, fracture, size and colour, and captioned with its digit and `facts` of those five
factors. A caption that names fewer facts than the image shows is the *information
imbalance* of *Two Effects, One Trigger* (ICLR 2025).

Differences from MAD, on purpose: colours scale the grey value in every channel (MAD's
cyan, magenta and yellow turn stroke cores white); a caption's words keep a fixed order, so
that two captions are equal exactly when they state the same facts; everything is drawn
from the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from . import morphology

SIDE = 28
"""Height and width of an image, in pixels."""

_BOX = 20  # a scan fills the middle 20 x 20 pixels, as in MNIST
_INK = 0.6  # grey value from which a pixel belongs to the stroke
_SCALE = 2  # strokes are edited at twice the final resolution

FACTORS: dict[str, tuple[str, ...]] = {
    "thickness": ("normal", "thickening", "thinning"),
    "swelling": ("even", "swelling"),
    "fracture": ("whole", "fracture"),
    "size": ("large", "small"),
    "colour": ("gray", "red", "green", "blue", "cyan", "magenta", "yellow"),
}
"""The factors besides the digit, and the word for each of their values."""

WORDS: tuple[str, ...] = (
    *(str(digit) for digit in range(10)),
    *(word for values in FACTORS.values() for word in values),
)
"""Every word that a caption can hold."""

_RGB = np.array(
    [[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 0]],
    dtype=np.float32,
)


@dataclass(frozen=True)
class CaptionedDigits:
    """Images with captions, row i of each belonging together.

    `images` (N, 28, 28, 3) uint8; `captions` (N,) str; `digits` (N,) int, the class;
    `factors` (N, 5) int, the index of each factor's value in `FACTORS`; `instances` (N,)
    int, the scan that a row was drawn from: splits never share one.
    """

    images: NDArray[np.uint8]
    captions: NDArray[np.str_]
    digits: NDArray[np.int64]
    factors: NDArray[np.int64]
    instances: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)


def captioned_digits(
    split: Literal["train", "test"],
    *,
    variants: int = 1,
    facts: int = 3,
    held_out: float = 0.2,
    limit: int | None = None,
    seed: int = 0,
) -> CaptionedDigits:
    """Draw `variants` captioned images of each scan in a split.

    Parameters
    ----------
    split:
        "train" or "test"; which scans fall in which depends on `held_out` and `seed` alone.
    facts:
        Number of the five factors that a caption names besides the digit (0 to 5).
    held_out:
        Share of the scans in the test split.
    limit:
        Use at most so many scans of the split.

    Examples
    --------
    >>> digits = captioned_digits("test", limit=2)
    >>> digits.images.shape
    (2, 28, 28, 3)
    >>> len(digits.captions[0].split("-"))
    4
    """
    if not 0 <= facts <= len(FACTORS):
        raise ValueError(f"facts must be between 0 and {len(FACTORS)}, found {facts}")
    scans, classes = _scans()
    order = np.random.default_rng(seed).permutation(len(scans))
    cut = round(held_out * len(scans))
    chosen = (order[:cut] if split == "test" else order[cut:])[:limit]

    instances = np.repeat(chosen, variants)
    rng = np.random.default_rng([seed, split == "test"])
    factors = np.stack([rng.integers(len(v), size=len(instances)) for v in FACTORS.values()], 1)
    strokes = {i: _stroke(scans[i]) for i in chosen}
    drawn = [_draw(strokes[i], f, rng) for i, f in zip(instances, factors, strict=True)]
    grey = _downscale(np.stack(drawn))
    grey = np.stack([_shrink(g, rng) if f[3] else g for g, f in zip(grey, factors, strict=True)])
    coloured = grey[..., None] * _RGB[factors[:, 4], None, None, :]
    return CaptionedDigits(
        images=(255 * coloured.clip(0, 1)).round().astype(np.uint8),
        captions=_captions(classes[instances], factors, facts, rng),
        digits=classes[instances],
        factors=factors,
        instances=instances,
    )


@cache
def _scans() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All 1,797 scans, (8, 8) grey values from 0 to 16 each, and their digits."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images, bunch.target.astype(np.int64)


def _stroke(scan: NDArray[np.float64]) -> NDArray[np.bool_]:
    """A scan enlarged through a cubic spline and framed, (56, 56), as a stroke."""
    factor = _BOX * _SCALE / 8
    enlarged = ndimage.zoom(scan / 16, factor, order=3, mode="grid-constant", grid_mode=True)
    return np.asarray(np.pad(enlarged, (SIDE - _BOX) // 2 * _SCALE) >= _INK)


def _draw(
    stroke: NDArray[np.bool_], factors: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    thickness, swelling, fracture = factors[:3]
    if thickness == 1:
        stroke = morphology.thicken(stroke, scale=_SCALE, amount=0.5)
    elif thickness == 2:
        stroke = morphology.thin(stroke, scale=_SCALE)
    if swelling:
        stroke = morphology.swell(stroke, rng, scale=_SCALE)
    if fracture:
        stroke = morphology.fracture(stroke, rng, scale=_SCALE)
    return stroke


def _downscale(strokes: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(N, 56, 56) strokes to (N, 28, 28) grey values in [0, 1], anti-aliased."""
    n = len(strokes)
    smooth = ndimage.gaussian_filter(strokes.astype(np.float32), (0, _SCALE / 3, _SCALE / 3))
    return np.asarray(smooth.reshape(n, SIDE, _SCALE, SIDE, _SCALE).mean(axis=(2, 4)))


def _shrink(grey: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Three quarters of the size, pasted 3 or 4 pixels from the top and from the left."""
    small = ndimage.zoom(grey, 0.75, order=1)
    top, left = rng.integers(3, 5, size=2)
    canvas = np.zeros_like(grey)
    canvas[top : top + len(small), left : left + len(small)] = small
    return canvas


def _captions(
    digits: NDArray[np.int64],
    factors: NDArray[np.int64],
    facts: int,
    rng: np.random.Generator,
) -> NDArray[np.str_]:
    values = list(FACTORS.values())
    captions = []
    for digit, row in zip(digits, factors, strict=True):
        named = np.sort(rng.choice(len(values), size=facts, replace=False))
        captions.append("-".join([str(digit), *(values[f][row[f]] for f in named)]))
    return np.array(captions)
