"""Removal of the dimensions that hold the gap."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..arguments import check_count
from ..errors import InputError
from ..metrics.dimensions import largest_difference_first
from .affine import AffineMap
from .affine_closer import AffineCloser
from .statistics import Statistics


class DimensionRemoval(AffineCloser):
    r"""Set the k dimensions in which the modalities' means differ most to zero.

    z = unit(x̂ without dimensions d_1 … d_k), in order of descending | μ_x,d − μ_y,d |; of more
    than two modalities, the largest such difference over all pairs. The same dimensions go in
    every modality, and the width stays D, so that an index keeps its shape;
    `isthmus.metrics.dimension_ablation` gives gap and retrieval for every k at once.

    Parameters
    ----------
    k:
        How many, 1 … D − 1.

    Notes
    -----
    Needs no pairs. One pass, O(N·D). Singles out dimensions: in a rotated space the gap lies in
    others, or in all. What was in the removed dimensions is lost, so there is no inverse; a
    row with nothing outside them is refused.

    Raises
    ------
    InputError
        k that is not a whole number of at least 1; in `fit`, k ≥ D.

    References
    ----------
    Schrodi et al., *Two Effects, One Trigger* (ICLR 2025), Figure 4.

    Examples
    --------
    >>> from isthmus import Embeddings
    >>> space = Embeddings({"image": [[1.0, 1.0]] * 2, "text": [[-1.0, 1.0]] * 2})
    >>> DimensionRemoval(k=1).fit(space).close(space)["text"].tolist()
    [[0.0, 1.0], [0.0, 1.0]]
    """

    kind: ClassVar[str] = "dimensions"
    equivariant: ClassVar[bool] = False

    def __init__(self, *, k: int = 2) -> None:
        self.k = check_count("k", k)

    def solve(self, statistics: Statistics) -> dict[str, AffineMap]:
        """One mask for all modalities."""
        order = largest_difference_first([own.mean for own in statistics.means.values()])
        width = len(order)
        if self.k >= width:
            raise InputError(
                f"k must leave a dimension: found k={self.k} for rows of {width} dimensions"
            )
        mask = np.ones(width)
        mask[order[: self.k]] = 0.0
        return dict.fromkeys(statistics.means, AffineMap(np.zeros(width), mask))
