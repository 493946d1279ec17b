"""95 % intervals of the gap numbers of two modalities, from one pass over their rows.

A bootstrap over groups needs the sums of every group. Groups are dealt at random into at
most `BLOCKS` blocks, whose sums take O(BLOCKS·D) memory however many rows there are; redraws
then draw blocks. With as many blocks as groups this is the bootstrap over groups itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray
from scipy import sparse

from ..arrays import Array, on_host, row_chunks, take_rows, to_numpy, unit_rows
from ..embeddings import Embeddings
from ..matching import Codes, matched_pairs
from ..resampling import group_count
from .gap import l2m_from, rmg_from
from .moments import Moments
from .pair_moments import PairMoments
from .uncertainty import Interval, interval_around

BLOCKS = 500
"""Blocks that groups are dealt into at most."""

HELD = 16
"""Chunks of rows that are added up on a device before their sums are fetched."""


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
    x, y = (embeddings[name] for name in pair)
    codes = embeddings.codes[pair[0]], embeddings.codes[pair[1]]
    rng = np.random.default_rng(seed)
    groups = group_count(embeddings)
    blocks = min(groups, BLOCKS)
    sums = GapSums.of(x, y, codes, rng.permutation(groups) % blocks, blocks)
    redrawn = []
    for _ in range(resamples):
        weights = draw(rng, blocks)
        if sums.enough(weights):
            redrawn.append(sums.numbers(weights))
    values = np.asarray(redrawn)  # (resamples, 3)
    found = [
        interval_around(value, values[:, k], level)
        for k, value in enumerate(sums.numbers(np.ones(blocks)))
    ]
    return GapIntervals(*found)


def draw(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """How often each of so many things comes up in as many draws with replacement, (count,)."""
    return np.bincount(rng.integers(count, size=count), minlength=count).astype(float)


@dataclass(frozen=True)
class GapSums:
    """Sums of two modalities by block of groups, from which the gap of any redraw follows.

    Attributes
    ----------
    sums_x, sums_y:
        (B, D) sum of each block's unit rows.
    counts_x, counts_y:
        (B,) how many there are.
    squares, pairs:
        (B,) summed squared distance of each block's matched pairs, and how many there are.
    """

    sums_x: NDArray[np.float64]
    counts_x: NDArray[np.int64]
    sums_y: NDArray[np.float64]
    counts_y: NDArray[np.int64]
    squares: NDArray[np.float64]
    pairs: NDArray[np.int64]

    @classmethod
    def of(
        cls, x: Array, y: Array, codes: tuple[Codes, Codes], block_of: Codes, blocks: int
    ) -> GapSums:
        """Sums over all rows of x, (N, D), and of y, (M, D).

        `codes` are the groups of their rows, 0 … G − 1, and `block_of` is the block of each
        group, (G,); groups in blocks from `blocks` on are left out.
        """
        return cls(
            *_block_sums(x, block_of[codes[0]], blocks),
            *_block_sums(y, block_of[codes[1]], blocks),
            *_block_pairs(x, y, codes, block_of, blocks),
        )

    def enough(self, weights: NDArray[np.float64]) -> bool:
        """Whether a redraw that weighs blocks so has two rows of each modality, and two pairs."""
        counts = self.counts_x, self.counts_y, self.pairs
        return min(float(weights @ own) for own in counts) >= 2

    def numbers(self, weights: NDArray[np.float64]) -> tuple[float, float, float]:
        """L2M, RMG and pair cosine of a redraw that weighs blocks so, (B,)."""
        first = Moments(int(weights @ self.counts_x), weights @ self.sums_x)
        second = Moments(int(weights @ self.counts_y), weights @ self.sums_y)
        matched = PairMoments(int(weights @ self.pairs), 0.0, float(weights @ self.squares))
        return l2m_from(first, second), rmg_from(first, second, matched), matched.mean_cosine


def _block_sums(
    x: Array, blocks: Codes, count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sum of the unit rows of each block, (count, D), and how many there are, (count,)."""
    blocks = np.minimum(blocks, count)  # what is left out has the last place of its own
    add = _add_on_host if on_host(x) else _add_on_device
    sums = add(x, blocks, count + 1)
    return sums[:count], np.bincount(blocks, minlength=count + 1)[:count]


def _add_on_host(x: Array, blocks: Codes, count: int) -> NDArray[np.float64]:
    sums = np.zeros((count, x.shape[1]))
    for rows in row_chunks(x):
        units = to_numpy(unit_rows(x[rows, :]))
        n = len(units)
        member = sparse.csr_array((np.ones(n), (blocks[rows], np.arange(n))), shape=(count, n))
        sums += member @ units
    return sums


def _add_on_device(x: Array, blocks: Codes, count: int) -> NDArray[np.float64]:
    """By products with one-hot blocks; only sums leave the device, every `HELD` chunks."""
    xp = array_namespace(x)
    every = np.arange(count)[:, None]
    sums, held = np.zeros((count, x.shape[1])), None
    for k, rows in enumerate(row_chunks(x), start=1):
        units = unit_rows(x[rows, :])  # (n, D)
        member = xp.asarray(every == blocks[None, rows], device=device(x))  # (count, n)
        part = xp.astype(member, units.dtype) @ units
        held = part if held is None else held + part
        if k % HELD == 0:
            sums += to_numpy(held)
            held = None
    return sums if held is None else sums + to_numpy(held)


def _block_pairs(
    x: Array, y: Array, codes: tuple[Codes, Codes], block_of: Codes, count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Summed squared distance of each block's matched pairs, and how many there are."""
    xp = array_namespace(x)
    squares, counts = np.zeros(count + 1), np.zeros(count + 1, dtype=np.int64)
    for i, j in matched_pairs(*codes):
        difference = unit_rows(take_rows(x, i)) - unit_rows(take_rows(y, j))  # (n, D)
        distances = to_numpy(xp.linalg.vecdot(difference, difference))  # (n,)
        block = np.minimum(block_of[codes[0][i]], count)
        squares += np.bincount(block, weights=distances, minlength=count + 1)
        counts += np.bincount(block, minlength=count + 1)
    return squares[:count], counts[:count]
