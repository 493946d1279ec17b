"""Cosines of many queries with all candidates, in tiles: strips of queries × blocks of candidates.

No N × M array is ever built. Candidates' unit rows are held if they take no more than
`GALLERY_BYTES`, and otherwise converted anew from where they lie, a block at a time, for every
strip. That costs about 2 ns an element, beside reading it; multiplying a block by a strip of q
queries costs q · 2 D operations a row, about q · 0.02 ns an element on two cores. A strip
therefore takes as many queries as a quarter of `GALLERY_BYTES` holds, some thousands: converting
is then a few per cent of the work, and M · D · (bytes per element) are read ⌈N / q⌉ times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import Array, take_rows
from ..progress import ticker
from .stacked import Stacked

GALLERY_BYTES = 2**30
"""Candidates' unit rows are held if they take no more memory than this."""

STRIP_BYTES = 32 * 2**20
"""What belongs to the strip at hand takes about this much memory, if candidates are held."""

BLOCK_ROWS = 4096
"""Candidates in a block; up to four times as many held candidates are one block."""

SCORE_BYTES = 8
"""Memory per score of a tile: the score itself, and what comparing it needs."""

NOTHING = -2.0
"""Score in the place of a candidate that is hidden or not there: below any cosine."""

Hidden: TypeAlias = Callable[[NDArray[np.int64], slice], Array | None]
"""(q,) queries and a block of m candidates → (q, m) which of them not to find; None for none."""


def score_rounding(epsilon: float, width: int) -> float:
    """Equal vectors of a width may score unequally by so much, depending on their place."""
    return epsilon * max(8.0, math.sqrt(width))


@dataclass(frozen=True)
class Gallery:
    """The candidates' unit rows, (M, D), in the precision that they are compared in.

    Attributes
    ----------
    rows:
        The candidates, where they lie.
    dtype:
        Double precision if any candidate or query is double, else single precision.
    held:
        All unit rows, (M, D), or None if they would take more than `GALLERY_BYTES`.
    """

    rows: Stacked
    dtype: Any
    held: Array | None

    @classmethod
    def of(cls, candidates: Sequence[Array], queries: Sequence[Array] = ()) -> Gallery:
        """Rows of all `candidates`, stacked.

        >>> Gallery.of([np.eye(2), 3 * np.eye(2)]).size
        4
        """
        rows = Stacked(tuple(candidates))
        gallery = cls(rows, Stacked((*candidates, *queries)).dtype, None)
        if rows.nbytes(gallery.dtype) > GALLERY_BYTES:
            return gallery
        return replace(gallery, held=gallery.cast(rows.units(slice(0, gallery.size))))

    @property
    def size(self) -> int:
        """M, the number of candidates."""
        return self.rows.shape[0]

    @property
    def rounding(self) -> float:
        """Cosines that differ by no more are tied."""
        xp = array_namespace(*self.rows.arrays)
        return score_rounding(float(xp.finfo(self.dtype).eps), self.rows.shape[1])

    @property
    def block_rows(self) -> int:
        """Candidates in a block."""
        whole = self.held is not None and self.size <= 4 * BLOCK_ROWS
        return self.size if whole else min(self.size, BLOCK_ROWS)

    @property
    def strip_bytes(self) -> int:
        """Memory for what belongs to a strip: more where no unit rows are held."""
        return STRIP_BYTES if self.held is not None else max(STRIP_BYTES, GALLERY_BYTES // 4)

    def cast(self, rows: Array) -> Array:
        """Unit rows in the precision that they are compared in."""
        return array_namespace(rows).astype(rows, self.dtype, copy=False)

    def at(self, places: NDArray[np.int64]) -> Array:
        """Unit rows of the candidates at some places, (n, D), in their order."""
        if self.held is not None:
            return take_rows(self.held, places)
        return self.cast(self.rows.at(places))

    def blocks(self) -> Iterator[tuple[slice, Array]]:
        """All candidates, a block (m, D) at a time, and the places of each block."""
        for start in range(0, self.size, self.block_rows):
            block = slice(start, min(start + self.block_rows, self.size))
            if self.held is not None:
                yield block, self.held[block, :]
            else:
                yield block, self.cast(self.rows.units(block))


@dataclass(frozen=True)
class Strip:
    """A few queries: `rows` (q,), as rows of all queries, and their unit rows (q, D)."""

    rows: NDArray[np.int64]
    units: Array
    gallery: Gallery
    hidden: Hidden | None
    done: Callable[[float], None]

    def blocks(self) -> Iterator[tuple[slice, Array]]:
        """Cosines with all candidates, a block (q, m) at a time, and the places of each block."""
        if self.gallery.block_rows >= self.gallery.size:
            yield slice(0, self.gallery.size), self.whole
            self.done(len(self.rows))
            return
        for block, units in self.gallery.blocks():
            yield block, self._scores(block, units)
            self.done(len(self.rows) * (block.stop - block.start) / self.gallery.size)

    def part(self, chosen: NDArray[np.int64]) -> Strip:
        """Some of the queries, by their place in the strip."""
        units = take_rows(self.units, chosen)
        return replace(self, rows=self.rows[chosen], units=units, done=lambda _: None)

    @cached_property
    def whole(self) -> Array:
        """All cosines, (q, M), where the gallery is one block."""
        ((block, units),) = self.gallery.blocks()
        return self._scores(block, units)

    def _scores(self, block: slice, units: Array) -> Array:
        scores = self.units @ units.T  # (q, m)
        mask = self.hidden(self.rows, block) if self.hidden else None
        return scores if mask is None else array_namespace(scores).where(mask, NOTHING, scores)


def strips(
    queries: Array | Stacked,
    gallery: Gallery,
    *,
    rows: NDArray[np.int64] | None = None,
    costs: NDArray[np.int64] | int = 0,
    score_bytes: int = SCORE_BYTES,
    hidden: Hidden | None = None,
) -> Iterator[Strip]:
    """Strips of queries; the share of all tiles that were visited is told to who watches.

    Parameters
    ----------
    queries:
        (N, D).
    rows:
        Queries to visit, (n,); all of them in order if not given.
    costs:
        Bytes that each of `rows` takes beside its unit row and scores, in ascending order.
    score_bytes:
        Bytes that the work on one score takes.
    hidden:
        Candidates that a query shall not find: their score is `NOTHING`.
    """
    source = Stacked.of(queries)
    chosen = np.arange(source.shape[0]) if rows is None else rows
    done = ticker(len(chosen))
    each = costs + score_bytes * gallery.block_rows + 8 * source.shape[1]
    for strip in strip_rows(chosen, each, gallery.strip_bytes):
        yield Strip(strip, gallery.cast(source.at(strip)), gallery, hidden, done)


def strip_rows(
    rows: NDArray[np.int64], costs: NDArray[np.int64] | int, strip_bytes: int
) -> Iterator[NDArray[np.int64]]:
    """Parts of `rows` such that a part's length times its largest cost is within `strip_bytes`.

    Parameters
    ----------
    rows:
        (N,) rows of the queries.
    costs:
        Bytes that each of them takes, (N,) in ascending order, or one number for all.

    Examples
    --------
    >>> [part.tolist() for part in strip_rows(np.arange(3), 50, 100)]
    [[0, 1], [2]]
    """
    each: NDArray[Any] = np.broadcast_to(np.asarray(costs, dtype=np.int64), rows.shape)
    start = 0
    while start < len(rows):
        block = each[start : start + max(1, strip_bytes // int(each[start]))]
        fitting = int((block * np.arange(1, len(block) + 1) <= strip_bytes).sum())
        stop = start + max(1, fitting)
        yield rows[start:stop]
        start = stop
