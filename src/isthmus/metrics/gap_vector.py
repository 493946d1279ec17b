"""The gap as a vector: its length, its part of the variance, and what it is orthogonal to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, check_widths
from ..errors import InputError
from .moments import Moments
from .second_moments import SecondMoments

PRINCIPAL_SHARE = 0.9
"""The principal subspace is the smallest that holds this share of a modality's variance."""


@dataclass(frozen=True)
class GapVector:
    """Shape of the gap vector g = x̄ − ȳ of unit rows.

    Attributes
    ----------
    length:
        ‖g‖, which is L2M, in [0, 2].
    share_of_variance:
        (‖g‖²/4) / (‖g‖²/4 + (v_x + v_y)/2) in [0, 1], with v a modality's own variance: the
        gap's part of the variance of both stacked with equal weights.
    along_x, along_y:
        Share of the modality's own variance that lies along g, in [0, 1]: uᵀ S u / tr S, with u
        the unit vector along g. About 1/D for a modality that spreads evenly.
    cosine_x, cosine_y:
        Cosine between g and its projection on the modality's principal subspace, in [0, 1].
        0: the gap is orthogonal to everything that varies in the modality.
    """

    length: float
    share_of_variance: float
    along_x: float
    along_y: float
    cosine_x: float
    cosine_y: float


def gap_vector(x: Array, y: Array) -> GapVector:
    """Length of the gap, its part of the variance, and its angle to each modality's span.

    The principal subspace of a modality is spanned by the leading eigenvectors of its
    covariance that together hold 90 % of its variance.

    Parameters
    ----------
    x, y:
        (N, D) and (M, D). Rows need not match.

    Notes
    -----
    One pass, O(N·D² + D³). Where the means coincide up to rounding the gap has no direction,
    and where all rows of a modality coincide it has no span: shares and cosines are then 0.

    References
    ----------
    Zhang et al., *Diagnosing and Rectifying Vision Models using Language* (ICLR 2023): a
    constant gap, orthogonal to the span of each modality.

    Examples
    --------
    >>> x = np.array([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0]])
    >>> found = gap_vector(x, x * [-1, 1, 1])
    >>> round(found.length, 4), round(found.share_of_variance, 4), round(found.cosine_x, 4)
    (1.4142, 0.5, 0.0)
    """
    check_widths(x, y)
    return gap_vector_from(SecondMoments.of(x), SecondMoments.of(y))


def gap_vector_from(x: SecondMoments, y: SecondMoments) -> GapVector:
    """`gap_vector` from the second moments of both modalities."""
    gap = x.mean - y.mean
    length = float(np.linalg.norm(gap))
    between, within = length**2 / 4, (x.variance + y.variance) / 2
    direction = gap / length if length > 8 * max(x.rounding, y.rounding) else np.zeros_like(gap)
    (along_x, cosine_x), (along_y, cosine_y) = (_to_span(m, direction) for m in (x, y))
    return GapVector(
        length=length,
        share_of_variance=between / (between + within) if direction.any() else 0.0,
        along_x=along_x,
        along_y=along_y,
        cosine_x=cosine_x,
        cosine_y=cosine_y,
    )


def centroid_distances(modalities: Mapping[str, Array]) -> NDArray[np.float64]:
    """L2M of every two modalities, (M, M), in their order: symmetric, zero on the diagonal.

    >>> centroid_distances({"image": np.eye(2)[:1], "text": np.eye(2)[1:]})
    array([[0. , 1.41421356],
           [1.41421356, 0. ]])
    """
    arrays = list(modalities.values())
    for array in arrays[1:]:
        check_widths(arrays[0], array)
    return centroid_distances_from([Moments.of(array) for array in arrays])


def centroid_distances_from(moments: Sequence[Moments]) -> NDArray[np.float64]:
    """`centroid_distances` from the moments of each modality."""
    means = np.stack([m.mean for m in moments])  # (M, D)
    return np.asarray(np.linalg.norm(means[:, None, :] - means[None, :, :], axis=2))


def mean_centroid_distance(modalities: Mapping[str, Array]) -> float:
    """Mean of L2M over all unordered pairs of modalities, in [0, 2]: the gap of several.

    Raises
    ------
    InputError
        Fewer than two modalities, or widths that differ.

    Examples
    --------
    >>> mean_centroid_distance({"image": np.eye(2)[:1], "text": np.eye(2)[1:]})
    1.4142135623730951
    """
    if len(modalities) < 2:
        raise InputError(
            f"a distance of centroids needs at least two modalities; found {len(modalities)}"
        )
    distances = centroid_distances(modalities)
    return float(distances[np.triu_indices(len(distances), 1)].mean())


def _to_span(moments: SecondMoments, direction: NDArray[np.float64]) -> tuple[float, float]:
    """Share of a modality's variance along a unit direction, and its cosine to the span."""
    variance = moments.variance
    if variance == 0 or not direction.any():
        return 0.0, 0.0
    covariance = moments.covariance
    along = float(direction @ covariance @ direction) / variance
    values, vectors = np.linalg.eigh(covariance)
    held = np.cumsum(values[::-1]) / values.sum()
    leading = 1 + int(np.searchsorted(held, PRINCIPAL_SHARE))
    cosine = float(np.linalg.norm(direction @ vectors[:, ::-1][:, :leading]))
    return min(max(along, 0.0), 1.0), min(cosine, 1.0)
