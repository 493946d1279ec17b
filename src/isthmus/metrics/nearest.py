"""The nearest candidates of each query, kept while blocks of candidates pass by."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace, is_cupy_array, is_numpy_array, is_torch_array
from numpy.typing import NDArray

from ..arrays import Array, take_rows, to_numpy

SPARE = 16
"""So many candidates beyond the k-th are kept, to know which are level with it."""


class Nearest:
    """The k best candidates of each query among the blocks that were added; fewer at first.

    Examples
    --------
    >>> nearest = Nearest(2)
    >>> nearest.add(slice(0, 2), np.array([[0.1, 0.9]]))
    >>> nearest.add(slice(2, 4), np.array([[0.5, 0.0]]))
    >>> nearest.places.tolist(), nearest.scores.tolist()
    ([[1, 2]], [[0.9, 0.5]])
    """

    def __init__(self, k: int) -> None:
        self._k = k
        self._best: tuple[Array, Array] | None = None

    def add(self, block: slice, scores: Array) -> None:
        """Look at a block: the places of its candidates, and their cosines (q, m).

        Once k are known, queries that a block cannot improve cost no more than its maximum.
        """
        if self._best is None:
            self._best = self._ordered(*self._of(block, scores))
            return
        known, places = self._best
        xp = array_namespace(scores)
        everyone = np.arange(scores.shape[0])
        gaining = everyone
        if known.shape[1] == self._k:
            gaining = np.flatnonzero(to_numpy(xp.max(scores, axis=1) > known[:, -1]))
        if not len(gaining):
            return
        own = (take_rows(known, gaining), take_rows(places, gaining))
        new = self._of(block, take_rows(scores, gaining))
        better = self._ordered(*(xp.concat(pair, axis=1) for pair in zip(own, new, strict=True)))
        if len(gaining) == len(everyone):
            self._best = better
            return
        source = everyone.copy()
        source[gaining] = len(everyone) + np.arange(len(gaining))
        self._best = (
            take_rows(xp.concat([known, better[0]], axis=0), source),
            take_rows(xp.concat([places, better[1]], axis=0), source),
        )

    @property
    def scores(self) -> NDArray[np.float64]:
        """(q, ≤ k) cosines of the best, descending."""
        assert self._best is not None
        return to_numpy(self._best[0]).astype(np.float64)

    @property
    def places(self) -> NDArray[np.int64]:
        """(q, ≤ k) places of the best among all candidates."""
        assert self._best is not None
        return to_numpy(self._best[1]).astype(np.int64)

    def _of(self, block: slice, scores: Array) -> tuple[Array, Array]:
        """The best of a block, in whichever order."""
        xp = array_namespace(scores)
        best = _highest(scores, min(self._k, scores.shape[1]))
        return xp.take_along_axis(scores, best, axis=1), best + block.start

    def _ordered(self, scores: Array, places: Array) -> tuple[Array, Array]:
        """The k best, best first."""
        xp = array_namespace(scores)
        order = xp.argsort(scores, axis=1, descending=True)[:, : self._k]
        return xp.take_along_axis(scores, order, axis=1), xp.take_along_axis(places, order, axis=1)


def _highest(scores: Array, k: int) -> Array:
    """Places of the k highest scores of each row, (q, k), by selection where the library has it."""
    xp = array_namespace(scores)
    if is_numpy_array(scores) or is_cupy_array(scores):
        least = scores.shape[1] - k
        return xp.argpartition(scores, min(least, scores.shape[1] - 1), axis=1)[:, least:]
    if is_torch_array(scores):
        return xp.topk(scores, k, dim=1, sorted=False).indices
    return xp.argsort(scores, axis=1, descending=True)[:, :k]
