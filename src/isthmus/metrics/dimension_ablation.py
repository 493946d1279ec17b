"""What is left of the gap, and of retrieval, without the dimensions that differ most."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ..arrays import Array, check_widths, like, row_chunks, take_rows, to_numpy, unit_rows
from ..arrays import working_dtype as precision
from ..errors import InputError
from ..matching import Codes, given_or_positional, matched_pairs
from ..progress import ticker
from .dimensions import largest_gap_first
from .gap import Groups, encode_groups, l2m_from, rmg_from
from .moments import Moments
from .pair_moments import PairMoments
from .stacked import Stacked
from .strips import STRIP_BYTES, score_rounding


@dataclass(frozen=True)
class DimensionAblation:
    """Metrics after removing the k dimensions of largest mean difference and renormalising.

    Attributes
    ----------
    counts:
        The values of k, ascending; all tuples below but `dimensions` are in their order.
    dimensions:
        The dimensions, in the order of removal.
    l2m, rmg, pair_cosine:
        As the functions of those names give them on the dimensions that are left.
    recall_x_to_y, recall_y_to_x:
        R@1 of rows of x among those of y, and the other way.
    """

    counts: tuple[int, ...]
    dimensions: tuple[int, ...]
    l2m: tuple[float, ...]
    rmg: tuple[float, ...]
    pair_cosine: tuple[float, ...]
    recall_x_to_y: tuple[float, ...]
    recall_y_to_x: tuple[float, ...]


def dimension_ablation(
    x: Array, y: Array, *, counts: Iterable[int] = range(21), groups: Groups | None = None
) -> DimensionAblation:
    """Gap and retrieval as the dimensions that differ most are taken away.

    Dimensions are ordered once, by | x̄_d − ȳ_d | of unit rows. For each k the first k of them
    are removed and rows scaled to unit length again.

    Parameters
    ----------
    x, y:
        (N, D) and (M, D), at least two rows each.
    counts:
        Values of k, each in 0 … D − 1.
    groups:
        Group ids of the rows of x and of y; without them, row i matches row i.

    Notes
    -----
    Scores are multiplied out once, on the dimensions that are never removed. The others are
    added back one after the other, S_{k−1} = S_k + x_d y_dᵀ and r²_{k−1} = r²_k + x²_d, where r
    is the length that is left of a row: sums of squares lose no precision, as differences
    would. Matched pairs use ‖a/r_a − b/r_b‖² = (‖a − b‖² − (r_a − r_b)²) / (r_a r_b), exactly 0
    for equal rows. O(N·M·(D + K)) time, in tiles: memory grows with N and M by K numbers a row.

    Raises
    ------
    InputError
        No count, or one out of range; groups that do not fit; a row that has nothing outside
        the removed dimensions.

    References
    ----------
    Schrodi et al., *Two Effects, One Trigger* (ICLR 2025), Figure 4c.

    Examples
    --------
    >>> x = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    >>> found = dimension_ablation(x, x * [-1, 1, 1], counts=[0, 1])
    >>> found.dimensions, [round(v, 3) for v in found.l2m], found.recall_x_to_y
    ((0,), [1.414, 0.0], (1.0, 1.0))
    """
    check_widths(x, y)
    codes = given_or_positional(encode_groups(x, y, groups), x.shape[0], y.shape[0])
    ks = sorted({int(k) for k in counts})
    if not ks or ks[0] < 0 or ks[-1] >= x.shape[1]:
        raise InputError(
            f"counts must be in 0 … {x.shape[1] - 1}, at least one; found {ks}: "
            "some dimension must be left"
        )
    order = largest_gap_first(x, y)[: ks[-1]]
    lengths_x, moments_x = _lengths_and_moments(x, order, ks, "x")
    lengths_y, moments_y = _lengths_and_moments(y, order, ks, "y")
    pairs, best = _pairs(x, y, codes, order, ks)
    other = _best_others(x, y, codes, order, ks, (lengths_x, lengths_y))
    xp = array_namespace(x)
    epsilon = max(float(xp.finfo(precision(array)).eps) for array in (x, y))
    rounding = score_rounding(epsilon, x.shape[1])
    recalls = []
    for matching, wrong in zip(best, other, strict=True):
        matched = matching[:, 0] > -np.inf
        recalls.append((matching > wrong + rounding)[matched].mean(axis=0))
    found = list(zip(moments_x, moments_y, pairs, strict=True))
    return DimensionAblation(
        counts=tuple(ks),
        dimensions=tuple(order.tolist()),
        l2m=tuple(l2m_from(a, b) for a, b, _ in found),
        rmg=tuple(rmg_from(*three) for three in found),
        pair_cosine=tuple(p.mean_cosine for p in pairs),
        recall_x_to_y=tuple(recalls[0].tolist()),
        recall_y_to_x=tuple(recalls[1].tolist()),
    )


def _kept_squares(rows: Array, order: NDArray[np.int64], ks: list[int]) -> Array:
    """Squared length of each row without the first k dimensions of `order`, (n, K)."""
    xp = array_namespace(rows)
    squares = rows * rows  # (n, D)
    left = xp.sum(squares * like(_mask(rows.shape[1], order), rows), axis=1)  # (n,)
    found = [left]
    for low, high in zip(ks[-2::-1], ks[:0:-1], strict=True):
        for d in order[low:high]:
            left = left + squares[:, int(d)]
        found.append(left)
    return xp.stack(found[::-1], axis=1)


def _mask(width: int, removed: NDArray[np.int64]) -> NDArray[np.float64]:
    """1 where a dimension is left and 0 where it is removed, (D,)."""
    mask = np.ones(width)
    mask[removed] = 0.0
    return mask


def _lengths_and_moments(
    x: Array, order: NDArray[np.int64], ks: list[int], name: str
) -> tuple[Array, list[Moments]]:
    """Lengths that are left of the unit rows, (N, K), and the moments of what is left."""
    xp = array_namespace(x)
    totals, lengths = np.zeros((len(ks), x.shape[1])), []
    for chunk in row_chunks(x):
        rows = unit_rows(x[chunk, :])
        left = xp.sqrt(_kept_squares(rows, order, ks))  # (n, K)
        empty = np.flatnonzero(to_numpy(left[:, -1]) == 0)
        if len(empty):
            raise InputError(
                f"row {chunk.start + empty[0]} of {name} is zero outside the {ks[-1]} dimensions "
                "to be removed, so that it has no direction; give smaller counts"
            )
        totals += to_numpy((1 / left).T @ rows)  # (K, D)
        lengths.append(left)
    masks = np.stack([_mask(x.shape[1], order[:k]) for k in ks])
    moments = [Moments(int(x.shape[0]), total) for total in totals * masks]
    return xp.concat(lengths, axis=0), moments


def _pairs(
    x: Array, y: Array, codes: tuple[Codes, Codes], order: NDArray[np.int64], ks: list[int]
) -> tuple[list[PairMoments], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Moments of matched pairs for each k, and each row's best matching cosine, (N, K)."""
    xp = array_namespace(x)
    best = tuple(np.full((len(own), len(ks)), -np.inf) for own in codes)
    count, distance, squared = 0, np.zeros(len(ks)), np.zeros(len(ks))
    for i, j in matched_pairs(*codes):
        a, b = unit_rows(take_rows(x, i)), unit_rows(take_rows(y, j))  # (p, D)
        length_a, length_b = (xp.sqrt(_kept_squares(rows, order, ks)) for rows in (a, b))
        apart = _kept_squares(a - b, order, ks) - (length_a - length_b) ** 2
        values = np.maximum(to_numpy(apart / (length_a * length_b)).astype(np.float64), 0.0)
        count += len(i)
        squared += values.sum(axis=0)
        distance += np.sqrt(values).sum(axis=0)
        np.maximum.at(best[0], i, 1 - values / 2)
        np.maximum.at(best[1], j, 1 - values / 2)
    if not count:
        raise InputError("no row of the one modality matches a row of the other")
    sums = zip(distance.tolist(), squared.tolist(), strict=True)
    return [PairMoments(count, d, s) for d, s in sums], (best[0], best[1])


def _best_others(
    x: Array,
    y: Array,
    codes: tuple[Codes, Codes],
    order: NDArray[np.int64],
    ks: list[int],
    lengths: tuple[Array, Array],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each row's best cosine with a row that does not match, (N, K) and (M, K)."""
    xp = array_namespace(x)
    dtype = Stacked((x, y)).dtype
    rows_x, rows_y = Stacked((x,)), Stacked((y,))
    scale_x, scale_y = (1 / xp.astype(own, dtype) for own in lengths)
    best_x, best_y = (np.full((len(own), len(ks)), -np.inf) for own in codes)
    side = max(1, math.isqrt(STRIP_BYTES // 16))
    done = ticker(x.shape[0] * y.shape[0])
    for i in _slices(x.shape[0], side):
        rows = xp.astype(rows_x.units(i), dtype, copy=False)  # (q, D)
        mask = like(_mask(x.shape[1], order), rows)
        kept = rows * mask
        own = xp.asarray(codes[0][i], device=device(rows))
        for j in _slices(y.shape[0], side):
            others = xp.astype(rows_y.units(j), dtype, copy=False)  # (m, D)
            matched = own[:, None] == xp.asarray(codes[1][j], device=device(rows))[None, :]
            scores = xp.where(matched, -xp.inf, kept @ others.T)  # (q, m)
            for k in range(len(ks) - 1, -1, -1):
                for d in order[ks[k] : ks[k + 1]] if k + 1 < len(ks) else []:
                    scores = scores + rows[:, int(d), None] * others[None, :, int(d)]
                cosines = scores * scale_x[i, k, None] * scale_y[None, j, k]
                best_x[i, k] = np.maximum(best_x[i, k], to_numpy(xp.max(cosines, axis=1)))
                best_y[j, k] = np.maximum(best_y[j, k], to_numpy(xp.max(cosines, axis=0)))
            done(scores.shape[0] * scores.shape[1])
    return best_x, best_y


def _slices(n: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, n)) for start in range(0, n, step))
