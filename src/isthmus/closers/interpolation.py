"""Interpolation of all rows towards the centre of all modalities."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..arguments import check_number
from .affine import AffineMap
from .affine_closer import AffineCloser
from .statistics import Statistics


class Interpolation(AffineCloser):
    r"""Move every row the same share of the way to the joint centroid. A caution, not a cure.

    z = unit((1 − α) x̂ + α c), with c the mean of the modalities' means, each counted once.

    All distances shrink alike, so the gap looks smaller and nothing comes nearer to its match
    than it was to others: before rows are scaled back to unit length, every difference of rows,
    and so L2M, is (1 − α) times what it was. RMG, which sets the gap against distances within
    modalities, sees through it. On 500 COCO pairs in CLIP ViT-B/16, fitted on one half and
    applied to the other, α = 0.9 takes L2M from 0.85 to 0.14; RMG stays 0.59, a search of both
    modalities at once still finds the match of no row among the first 10 (centering: of 48 %),
    and image→text R@1 falls from 0.65 to 0.63 (to 0.59 at α = 0.5).

    Parameters
    ----------
    weight:
        α, in [0, 1). 0 leaves the space as it is; at 1 all rows would coincide.

    Notes
    -----
    Needs no pairs. One pass, O(N·D). Modalities whose means cancel have their centroid at
    the origin, and nothing moves.

    Raises
    ------
    InputError
        A weight outside [0, 1).

    Examples
    --------
    >>> from isthmus import Embeddings
    >>> space = Embeddings({"image": [[1.0, 0.0]] * 2, "text": [[0.0, 1.0]] * 2})
    >>> closer = Interpolation(weight=0.5).fit(space)
    >>> closer.as_affine("text").bias.tolist(), closer.as_affine("text").matrix.tolist()
    ([0.25, 0.25], [[0.5, 0.0], [0.0, 0.5]])
    """

    kind: ClassVar[str] = "interpolation"

    def __init__(self, *, weight: float = 0.5) -> None:
        self.weight = check_number("weight", weight, low=0, high=1, below=True)

    def solve(self, statistics: Statistics) -> dict[str, AffineMap]:
        """One map for all modalities."""
        centre = np.mean([own.mean for own in statistics.means.values()], axis=0)
        found = AffineMap(self.weight * centre, np.full(len(centre), 1 - self.weight))
        return dict.fromkeys(statistics.means, found)
