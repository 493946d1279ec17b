"""How far apart two modalities lie: L2M, L2I, RMG, true-pair cosine, cone, per dimension.

All of them are exact in one pass over the rows: O(N·D) time, O(D) memory. Rows are scaled
to unit length first. Each plain function has a counterpart on moments, which
`isthmus.measure` shares between metrics and which merge across shards.

Sources: Liang et al., *Mind the Gap* (NeurIPS 2022); Schrodi et al., *Two Effects, One
Trigger* (ICLR 2025); Grassucci et al., *Closing the Modality Gap Aligns Group-Wise
Semantics* (ICLR 2026).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, check_widths, to_numpy
from ..errors import InputError
from ..matching import Codes, encode
from .moments import Moments
from .one_pass import positional_moments
from .pair_moments import PairMoments

Groups = tuple[ArrayLike, ArrayLike]
"""Group ids of the rows of x and of the rows of y: rows match where ids are equal."""


def l2m(x: Array, y: Array) -> float:
    r"""L2 distance of the modalities' means, in [0, 2]: "the gap" of most papers.

    L2M = ‖ (1/N) Σ x̂_i − (1/M) Σ ŷ_j ‖₂

    Parameters
    ----------
    x, y:
        (N, D) and (M, D); each mean is over its own rows.

    Returns
    -------
    float
        0 when the centres coincide (pairs need not), 2 when each modality is one point and
        the two are opposite.

    Examples
    --------
    >>> l2m(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 1.0]]))
    1.4142135623730951
    """
    check_widths(x, y)
    return l2m_from(Moments.of(x), Moments.of(y))


def l2m_from(x: Moments, y: Moments) -> float:
    """`l2m` from the moments of both modalities."""
    return float(np.linalg.norm(x.mean - y.mean))


def dimension_gap(x: Array, y: Array) -> NDArray[np.float64]:
    """Absolute difference of the modalities' means in each dimension, (D,).

    δ_d = | x̄_d − ȳ_d |, whose Euclidean length is L2M. A few dimensions often carry it all.

    >>> dimension_gap(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    array([1., 1.])
    """
    check_widths(x, y)
    return np.abs(Moments.of(x).mean - Moments.of(y).mean)


def l2i(x: Array, y: Array, *, groups: Groups | None = None) -> float:
    """Mean L2 distance of matched pairs (instance-wise), in [0, 2].

    L2I = (1/|P|) Σ_{(i,j) ∈ P} ‖ x̂_i − ŷ_j ‖₂, with P the matched pairs: all with equal group
    ids, or row i with row i where no groups are given.

    >>> l2i(np.eye(2), np.eye(2))
    0.0
    """
    return _pair_moments(x, y, groups).mean_distance


def pair_cosine(x: Array, y: Array, *, groups: Groups | None = None) -> float:
    """Mean cosine of matched pairs, in [−1, 1]; 1 means perfect alignment.

    >>> pair_cosine(np.eye(2), np.array([[1.0, 1.0], [1.0, 1.0]]))
    0.707106781186...
    """
    return _pair_moments(x, y, groups).mean_cosine


def mean_angular_value(x: Array) -> float:
    """Mean cosine of all pairs of distinct rows of one modality: how narrow its cone is.

    (1/(N(N−1))) Σ_{i≠j} x̂_i·x̂_j, in [−1/(N−1), 1]; 1 when all rows coincide, about 0 for
    directions spread evenly.

    Raises
    ------
    InputError
        Fewer than two rows.

    Examples
    --------
    >>> mean_angular_value(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]))
    0.333333333333...
    """
    return Moments.of(x).mean_cosine


def rmg(x: Array, y: Array, *, groups: Groups | None = None) -> float:
    """Relative modality gap, in [0, 1].

    With the dissimilarity d(a, b) = (1 − cos(a, b)) / 2 in [0, 1], m its mean over matched
    pairs and s_x, s_y its means over all pairs of distinct rows within a modality:

    RMG = m / ( (s_x + s_y)/2 + m ).

    0: matched pairs coincide. 0.5: they are as far apart as two random rows of one modality.
    1: each modality is a point, away from the other. If all rows of both modalities
    coincide, matched pairs do too, and it is 0. It depends on the number of rows and on
    duplicates among them: compare it at equal N.

    Parameters
    ----------
    x, y:
        (N, D) and (M, D), at least two rows each.
    groups:
        Group ids of the rows of x and of y; without them, row i matches row i.

    Notes
    -----
    The published code floors a mean matched dissimilarity of zero at 0.001; here it stays 0.

    Examples
    --------
    >>> rmg(np.eye(2), np.eye(2))
    0.0
    >>> rmg(np.eye(2), np.eye(2)[::-1])  # matched pairs as far apart as unmatched ones
    0.5
    """
    if groups is None:
        (first, second), pairs = positional_moments([x, y])
        return rmg_from(first, second, pairs[0, 1])
    return rmg_from(Moments.of(x), Moments.of(y), _pair_moments(x, y, groups))


def rmg_from(x: Moments, y: Moments, pairs: PairMoments) -> float:
    """`rmg` from the moments of both modalities and of their matched pairs."""
    matched = pairs.mean_squared_distance / 4  # (1 − cos) / 2, exactly 0 for equal rows
    spread = ((1 - x.mean_cosine) / 2 + (1 - y.mean_cosine) / 2) / 2
    return matched / (spread + matched) if matched > 0 else 0.0


def encode_groups(x: Array, y: Array, groups: Groups | None) -> tuple[Codes, Codes] | None:
    """Shared integer codes for the group ids of x and y, checked against their rows."""
    if groups is None:
        return None
    ids: dict[str, NDArray[Any]] = {"x": to_numpy(groups[0]), "y": to_numpy(groups[1])}
    for name, array in (("x", x), ("y", y)):
        if ids[name].shape != (array.shape[0],):
            raise InputError(
                f"groups of {name} must be one id per row, shape ({array.shape[0]},); "
                f"found shape {ids[name].shape}"
            )
    if len({array.dtype.kind == "U" for array in ids.values()}) > 1:
        raise InputError("groups of x and of y must be of one kind, integers or strings")
    codes = encode(ids)
    return codes["x"], codes["y"]


def _pair_moments(x: Array, y: Array, groups: Groups | None) -> PairMoments:
    return PairMoments.of(x, y, encode_groups(x, y, groups))
