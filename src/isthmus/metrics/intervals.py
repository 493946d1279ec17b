"""95 % intervals of the gap numbers of two modalities, from one pass over their rows.

A bootstrap over groups needs the sums of every group. Groups are dealt at random into at
most `BLOCKS` blocks, whose sums take O(BLOCKS·D) memory however many rows there are; redraws
then draw blocks. With as many blocks as groups this is the bootstrap over groups itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..arrays import Array, row_chunks, take_rows, to_numpy, unit_rows
from ..embeddings import Embeddings
from ..matching import Codes, matched_pairs
from ..resampling import group_count
from .gap import l2m_from, rmg_from
from .moments import Moments
from .pair_moments import PairMoments
from .uncertainty import Interval, interval_around

BLOCKS = 500
"""Blocks that groups are dealt into at most."""


@dataclass(frozen=True)
class GapIntervals:
    """Intervals of L2M, RMG and the true-pair cosine of two modalities."""

    l2m: Interval
    rmg: Interval
    pair_cosine: Interval


def gap_intervals(
    embeddings: Embeddings,
    pair: tuple[str, str],
    *,
    resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> GapIntervals:
    """Bootstrap L2M, RMG and pair cosine of two modalities over their groups.

    Examples
    --------
    >>> space = Embeddings({"image": np.eye(20), "text": np.eye(20) + 0.1})
    >>> found = gap_intervals(space, ("image", "text"))
    >>> found.l2m.low < found.l2m.value < found.l2m.high
    True
    """
    a, b = pair
    x, y = embeddings[a], embeddings[b]
    codes = embeddings.codes[a], embeddings.codes[b]
    rng = np.random.default_rng(seed)
    groups = group_count(embeddings)
    blocks = min(groups, BLOCKS)
    block_of = rng.permutation(groups) % blocks  # (groups,)
    sums_x, counts_x = _block_sums(x, block_of[codes[0]], blocks)
    sums_y, counts_y = _block_sums(y, block_of[codes[1]], blocks)
    squares, counts = _block_pairs(x, y, codes, block_of, blocks)

    def numbers(weights: NDArray[np.float64]) -> tuple[float, float, float]:
        first = Moments(int(weights @ counts_x), weights @ sums_x)
        second = Moments(int(weights @ counts_y), weights @ sums_y)
        matched = PairMoments(int(weights @ counts), 0.0, float(weights @ squares))
        return l2m_from(first, second), rmg_from(first, second, matched), matched.mean_cosine

    redrawn = []
    for _ in range(resamples):
        weights = np.bincount(rng.integers(blocks, size=blocks), minlength=blocks).astype(float)
        if min(weights @ counts_x, weights @ counts_y, weights @ counts) >= 2:
            redrawn.append(numbers(weights))
    values = np.asarray(redrawn)  # (resamples, 3)
    found = [
        interval_around(value, values[:, k], level)
        for k, value in enumerate(numbers(np.ones(blocks)))
    ]
    return GapIntervals(*found)


def _block_sums(
    x: Array, blocks: Codes, count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sum of the unit rows of each block, (count, D), and how many there are, (count,)."""
    sums = np.zeros((count, x.shape[1]))
    for rows in row_chunks(x):
        units = to_numpy(unit_rows(x[rows, :]))
        sums += _membership(blocks[rows], count) @ units
    return sums, np.bincount(blocks, minlength=count)


def _block_pairs(
    x: Array, y: Array, codes: tuple[Codes, Codes], block_of: Codes, count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Summed squared distance of each block's matched pairs, and how many there are."""
    squares, counts = np.zeros(count), np.zeros(count, dtype=np.int64)
    for i, j in matched_pairs(*codes):
        a, b = to_numpy(unit_rows(take_rows(x, i))), to_numpy(unit_rows(take_rows(y, j)))
        block = block_of[codes[0][i]]
        distances = np.einsum("nd,nd->n", a - b, a - b)
        squares += np.bincount(block, weights=distances, minlength=count)
        counts += np.bincount(block, minlength=count)
    return squares, counts


def _membership(blocks: Codes, count: int) -> sparse.csr_array:
    """(count, n) matrix with a one where row n is in a block."""
    n = len(blocks)
    return sparse.csr_array((np.ones(n), (blocks, np.arange(n))), shape=(count, n))
