"""Thicken, thin, swell and fracture a handwritten stroke, in the way of Morpho-MNIST.

Each function takes one boolean image (H, W), drawn `scale` times larger than the picture
it becomes, and returns another of the same shape. Radii follow the stroke's own mean
thickness, so a thin digit is thickened less than a thick one. An operation that would
leave nothing to see returns the stroke unchanged.

Source: Castro et al., *Morpho-MNIST* (JMLR 2019); amounts as in *Two Effects, One Trigger*
(ICLR 2025), section P1.3 of which calls the result MAD.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.bool_]

_NEIGHBOURS = np.ones((3, 3), dtype=int)


def skeleton(stroke: Image) -> Image:
    """One-pixel-wide centre line of the stroke (never empty for a non-empty stroke)."""
    from skimage.morphology import skeletonize

    line: Image = skeletonize(stroke)
    return line if line.any() else stroke


def mean_thickness(stroke: Image, *, scale: int) -> float:
    """Mean stroke width in pixels of the final picture: twice the mean distance of the
    centre line from the edge, divided by `scale`."""
    distance = ndimage.distance_transform_edt(stroke)
    return float(2 * distance[skeleton(stroke)].mean() / scale)


def thicken(stroke: Image, *, scale: int, amount: float = 0.7) -> Image:
    """Dilate by a disk of radius ⌊amount · scale · thickness / 2⌋."""
    radius = _radius(stroke, scale, amount)
    return np.asarray(ndimage.distance_transform_edt(~stroke) <= radius)


def thin(stroke: Image, *, scale: int, amount: float = 0.7) -> Image:
    """Erode by a disk of radius ⌊amount · scale · thickness / 2⌋."""
    thinned = np.asarray(ndimage.distance_transform_edt(stroke) > _radius(stroke, scale, amount))
    return thinned if thinned.any() else stroke


def swell(
    stroke: Image,
    rng: np.random.Generator,
    *,
    scale: int,
    strength: float = 3.0,
    radius: float = 7.0,
) -> Image:
    """Magnify around a random point of the centre line.

    Within R = scale · radius · √thickness / 2 of the point r₀, the new image at r is the old
    one at r₀ + (r − r₀)(|r − r₀| / R)^(strength − 1).
    """
    centre = _random_point(skeleton(stroke), rng)
    reach = scale * radius * np.sqrt(mean_thickness(stroke, scale=scale)) / 2
    offset = np.indices(stroke.shape) - centre[:, None, None]  # (2, H, W)
    distance = np.hypot(*offset)
    pull = np.where(distance < reach, (distance / reach) ** (strength - 1), 1.0)
    warped = ndimage.map_coordinates(
        stroke.astype(np.float32), centre[:, None, None] + offset * pull, order=1
    )
    swollen = np.asarray(warped >= 0.5)
    return swollen if swollen.any() else stroke


def fracture(
    stroke: Image,
    rng: np.random.Generator,
    *,
    scale: int,
    count: int = 3,
    thickness: float = 1.5,
    prune: float = 2.0,
) -> Image:
    """Cut `count` gaps of `thickness` pixels across the stroke, away from tips and forks.

    A cut runs perpendicular to the local direction of the centre line and reaches half a
    pixel past the stroke's edge on both sides.
    """
    line = skeleton(stroke)
    distance = ndimage.distance_transform_edt(stroke)
    allowed = _away_from_ends(line, reach=round(prune * scale))
    rows, columns = np.indices(stroke.shape)
    broken = stroke.copy()
    for _ in range(count):
        y, x = _random_point(allowed, rng)
        along = _direction(line, y, x, window=2 * scale)
        # Distance along the stroke and across it, of every pixel from the cut's centre.
        lengthwise = (rows - y) * along[0] + (columns - x) * along[1]
        crosswise = (rows - y) * along[1] - (columns - x) * along[0]
        half_length = distance[y, x] + 0.5 * scale
        broken &= ~(
            (np.abs(lengthwise) <= thickness * scale / 2) & (np.abs(crosswise) <= half_length)
        )
    return broken if broken.any() else stroke


def _radius(stroke: Image, scale: int, amount: float) -> int:
    return int(amount * scale * mean_thickness(stroke, scale=scale) / 2)


def _random_point(mask: Image, rng: np.random.Generator) -> NDArray[np.int64]:
    points = np.argwhere(mask)
    return np.asarray(points[rng.integers(len(points))])


def _away_from_ends(line: Image, *, reach: int) -> Image:
    """Centre-line pixels farther than `reach` from every tip and fork; all if none is."""
    degree = ndimage.convolve(line.astype(int), _NEIGHBOURS, mode="constant") - 1
    ends = line & (degree != 2)
    if not ends.any():
        return line
    interior = line & (ndimage.distance_transform_edt(~ends) > reach)
    return interior if interior.any() else line


def _direction(line: Image, y: int, x: int, *, window: int) -> NDArray[np.float64]:
    """Unit direction (dy, dx) of the centre line around a point: first principal axis."""
    top, left = max(y - window, 0), max(x - window, 0)
    points = np.argwhere(line[top : y + window + 1, left : x + window + 1]).astype(float)
    if len(points) < 2:
        return np.array([1.0, 0.0])
    _, _, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    return np.asarray(axes[0])
