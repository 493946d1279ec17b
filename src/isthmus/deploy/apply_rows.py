"""Closed rows of stored vectors, block by block in order, computed by several threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import single_of_half, working_dtype
from ..closers import AffineCloser, Closer
from ..closers.affine import LOST
from ..processors import processors
from .apply_half import HalfOfSingle
from .apply_read import BlockReader

_MOST_THREADS = 4  # more of them wait for each other

_RUN = 16  # rows

_BUFFER = 512
"""Numbers that numpy may copy before it computes: no more, or it copies what it broadcasts."""

_FEWEST, _MOST = 1e-30, 65536.0**2
"""Squared norms between these: single precision holds the row, and half held no infinity."""


class Block(NamedTuple):
    """Some rows of a modality."""

    name: str
    start: int
    stop: int


class Closed(NamedTuple):
    """A block's closed rows."""

    rows: NDArray[Any]
    """(n, K), unit rows."""
    total: NDArray[np.float64]
    """(D,), the sum of the unit rows as they came."""


class Rows:
    """The rows of one modality, closed where asked for.

    Parameters
    ----------
    closer:
        A fitted closer.
    name:
        The modality.
    source:
        (N, D) of real numbers; a memory map is read block by block.
    width:
        K, of the closed rows.
    dtype:
        Of the closed rows.

    The numbers are those of `closer.transform`, rounded to the dtype. An affine map is applied
    in place; blocks in which that meets a row beyond its range go to `closer.move`, which scales
    such rows with care and refuses those without a direction.
    """

    def __init__(
        self, closer: Closer, name: str, source: NDArray[Any], width: int, dtype: np.dtype[Any]
    ) -> None:
        self.width, self.dtype = width, dtype
        self._closer, self._name = closer, name
        self._reader = BlockReader(source)
        self._working = np.dtype(working_dtype(source[:1]))
        self._in_place: _InPlace | None = None
        if isinstance(closer, AffineCloser) and type(closer).move is AffineCloser.move:
            self._in_place = _InPlace(closer, name, self._working)
        self._desks: list[_Desk] = []  # as many as there are threads

    def closed(self, block: Block) -> Closed:
        """The block's rows; an InputError that names a row without a direction by its number."""
        count = block.stop - block.start
        desk = self._desks.pop() if self._desks else None
        if desk is None or len(desk.rows) < count:
            desk = _Desk(count, self._reader.array, self._working, self.width)
        with np.errstate(all="ignore"):
            given = self._reader.read(block.start, block.stop, desk.given)
            moved, factors, total = self._move(given, desk.rows[:count], block.start)
            out = np.empty((count, self.width), self.dtype)
            if self.dtype == np.float16 and moved.dtype == np.float32:
                desk.halve(moved, factors, out)
            else:
                np.multiply(moved, factors[:, None], out=moved)
                out[...] = moved
        self._desks.append(desk)
        return Closed(out, total)

    def _move(self, given: NDArray[Any], rows: NDArray[Any], first: int) -> _Moved:
        if self._in_place is not None:
            if given.dtype == np.float16:
                single_of_half(given, rows)
            else:
                rows[...] = given
            if (found := self._in_place(rows)) is not None:
                return found
        real = given if given.dtype.kind == "f" else given.astype(self._working)
        moved, moments = self._closer.move(real, modality=self._name, first=first)
        moved = np.array(moved)
        return _Moved(moved, np.ones(len(moved), moved.dtype), moments.total)


class _Desk:
    """What a thread works on, kept from block to block: fresh memory costs as much as a pass."""

    def __init__(
        self, count: int, source: NDArray[Any], working: np.dtype[Any], width: int
    ) -> None:
        shape = (count, source.shape[1])
        self.given = np.empty(shape, source.dtype)
        self.rows = np.empty(shape, working)
        self.halve = HalfOfSingle((count, width))


class _Moved(NamedTuple):
    """Rows where they were moved to, before they have unit length."""

    rows: NDArray[Any]
    """(n, K), contiguous; may be overwritten."""
    factors: NDArray[Any]
    """(n,), what gives each unit length."""
    total: NDArray[np.float64]
    """(D,), the sum of the unit rows as they came."""


class _InPlace:
    """x ↦ A unit(x) + b on rows that may be overwritten, step by step as `move` does."""

    def __init__(self, closer: AffineCloser, name: str, working: np.dtype[Any]) -> None:
        found = closer.maps_[name]
        self._bias = found.bias.astype(working)
        self._biases = np.tile(self._bias, _RUN)
        self._matrix = None if found.matrix is None else found.matrix.astype(working)
        least = LOST * float(np.finfo(working).eps) * found.size
        self._least = max(least**2, _FEWEST)

    def __call__(self, rows: NDArray[Any]) -> _Moved | None:
        """The rows moved; None if one of them needs more care."""
        squared = _squared(rows)
        if not ((squared > _FEWEST) & (squared < _MOST)).all():  # no NaN either
            return None
        inverse = 1 / np.sqrt(squared)
        total = (inverse @ rows).astype(np.float64)
        rows *= inverse[:, None]
        if self._matrix is not None and self._matrix.ndim == 2:
            rows = rows @ self._matrix.T
        elif self._matrix is not None:
            rows *= self._matrix
        self._add_bias(rows)
        squared = _squared(rows)
        if not ((squared > self._least) & np.isfinite(squared)).all():
            return None
        return _Moved(rows, 1 / np.sqrt(squared), total)

    def _add_bias(self, rows: NDArray[Any]) -> None:
        """To several rows at a time: numpy takes twice as long for short ones."""
        whole = len(rows) // _RUN * _RUN
        runs = rows[:whole].reshape(-1, len(self._biases))
        runs += self._biases
        rows[whole:] += self._bias


def _squared(rows: NDArray[Any]) -> NDArray[Any]:
    squared: NDArray[Any] = array_namespace(rows).linalg.vecdot(rows, rows)
    return squared


def closed_blocks(
    rows: Mapping[str, Rows], blocks: Iterable[Block], *, threads: int | None = None
) -> Generator[Closed, None, None]:
    """Each block closed, in order; a few are computed ahead, so memory is a few blocks."""
    count = threads or min(_MOST_THREADS, processors())
    ahead: deque[Future[Closed]] = deque()
    pool = ThreadPoolExecutor(
        count, thread_name_prefix="isthmus-apply", initializer=np.setbufsize, initargs=(_BUFFER,)
    )
    try:
        for block in blocks:
            ahead.append(pool.submit(rows[block.name].closed, block))
            if len(ahead) > count + 1:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
