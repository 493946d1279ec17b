"""The rows of several arrays as if they were one, read where they lie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from ..arrays import Array, forget, row_chunks, take_rows, to_numpy, unit_rows, working_dtype


@dataclass(frozen=True)
class Stacked:
    """Arrays (N_1, D), (N_2, D), … as one array of (Σ N_m, D) unit rows, of which none is held.

    Rows are scaled to unit length as they are read, in double precision if any of the arrays
    is double, else in single precision. `joint_clustering` and `knn_estimate` take it in the
    place of an array.

    Examples
    --------
    >>> rows = Stacked((np.eye(2), 3 * np.eye(2)))
    >>> rows.shape, rows.units(slice(1, 3)).tolist()
    ((4, 2), [[0.0, 1.0], [1.0, 0.0]])
    """

    arrays: tuple[Array, ...]

    @classmethod
    def of(cls, x: Array | Stacked) -> Stacked:
        """The array, seen as a stack of one; a stack as it is."""
        return x if isinstance(x, Stacked) else cls((x,))

    @property
    def shape(self) -> tuple[int, int]:
        """(Σ N_m, D)."""
        return int(self._ends[-1]), int(self.arrays[0].shape[1])

    @cached_property
    def dtype(self) -> Any:
        """The precision of the unit rows."""
        xp = array_namespace(*self.arrays)
        precise = any(working_dtype(x) == xp.float64 for x in self.arrays)
        return xp.float64 if precise else xp.float32

    def nbytes(self, dtype: Any = None) -> int:
        """Memory that all unit rows would take, in another precision than their own if given."""
        xp = array_namespace(*self.arrays)
        bits = xp.finfo(self.dtype if dtype is None else dtype).bits
        return self.shape[0] * self.shape[1] * int(bits) // 8

    def units(self, rows: slice) -> Array:
        """Unit rows from `rows.start` to before `rows.stop`, (n, D), converted in chunks."""
        xp = array_namespace(*self.arrays)
        parts: list[Array] = []
        for x, end in zip(self.arrays, self._ends.tolist(), strict=True):
            begin = end - x.shape[0]
            own = x[max(rows.start - begin, 0) : max(min(rows.stop, end) - begin, 0), :]
            parts.extend(self._converted(own[chunk, :]) for chunk in row_chunks(own))
        return parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)

    def at(self, places: NDArray[np.int64]) -> Array:
        """Unit rows at some places, (n, D), in their order; read in ascending order."""
        xp = array_namespace(*self.arrays)
        order = np.argsort(places, kind="stable")
        ordered = places[order]
        cuts = np.searchsorted(ordered, [0, *self._ends])
        parts = []
        for x, end, low, high in zip(self.arrays, self._ends, cuts[:-1], cuts[1:], strict=True):
            if high > low:
                own = ordered[low:high] - (end - x.shape[0])
                parts.append(self._converted(take_rows(x, own)))
        forget(*self.arrays)
        rows = parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)
        return rows if (order[1:] > order[:-1]).all() else take_rows(rows, np.argsort(order))

    def host(self) -> NDArray[Any]:
        """All unit rows, (Σ N_m, D), on the host."""
        return to_numpy(self.units(slice(0, self.shape[0])))

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return np.cumsum([int(x.shape[0]) for x in self.arrays])

    def _converted(self, rows: Array) -> Array:
        xp = array_namespace(rows)
        return xp.astype(unit_rows(rows), self.dtype, copy=False)


def stacked(arrays: Iterable[Array]) -> Stacked:
    """Unit rows of all arrays, one array after the other, without a copy of them.

    >>> stacked([np.eye(2), np.eye(2)]).shape
    (4, 2)
    """
    return Stacked(tuple(arrays))
