"""Helpers over the array API standard: the same code for numpy, torch, CuPy and JAX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_array, is_torch_array
from numpy.typing import NDArray

Array: TypeAlias = Any
"""An array of any library that follows the array API standard."""

CHUNK_BYTES = 16 * 2**20
"""Rows are read in chunks of about this size in working precision."""

_TINY = 1e-30  # a squared norm below this may have underflowed in single precision


def working_dtype(x: Array) -> Any:
    """Double precision for double input, single precision for everything narrower."""
    xp = array_namespace(x)
    return xp.float64 if x.dtype == xp.float64 else xp.float32


def row_chunks(x: Array) -> Iterator[slice]:
    """Slices that cover the rows of a (N, D) array in chunks of about `CHUNK_BYTES`."""
    n, width = x.shape
    step = max(1, CHUNK_BYTES // (4 * max(width, 1)))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def unit_rows(x: Array) -> Array:
    """Rows of x scaled to length one.

    (N, D) of any real dtype in, (N, D) in single precision out (double for double input).
    Rows whose squares leave single precision's range are scaled in two steps, so that any
    finite row but zero gives a unit row.
    """
    xp = array_namespace(x)
    rows = xp.astype(x, working_dtype(x))
    squared = xp.sum(rows * rows, axis=1, keepdims=True)  # (N, 1)
    if not bool(xp.all((squared > _TINY) & xp.isfinite(squared))):
        largest = xp.max(xp.abs(rows), axis=1, keepdims=True)
        rows = rows / xp.where(largest > 0, largest, xp.ones_like(largest))
        squared = xp.sum(rows * rows, axis=1, keepdims=True)
    return rows / xp.sqrt(squared)


def take_rows(x: Array, indices: NDArray[np.int64]) -> Array:
    """Rows of x at host indices, in their order."""
    xp = array_namespace(x)
    if is_numpy_array(x):
        return x[indices]  # a memory map reads these rows alone
    return xp.take(x, xp.asarray(indices, device=device(x)), axis=0)


def to_numpy(x: Array) -> NDArray[Any]:
    """The array on the host, as numpy."""
    if is_numpy_array(x):
        return np.asarray(x)
    if is_torch_array(x):
        return np.asarray(x.detach().cpu().numpy())
    if hasattr(x, "get"):  # CuPy refuses implicit copies to the host
        return np.asarray(x.get())
    return np.asarray(x)


def like(values: NDArray[Any], x: Array) -> Array:
    """Host values as an array of x's library, on x's device, in x's working precision."""
    xp = array_namespace(x)
    return xp.asarray(values, dtype=working_dtype(x), device=device(x))


__all__ = [
    "Array",
    "array_namespace",
    "device",
    "like",
    "row_chunks",
    "take_rows",
    "to_numpy",
    "unit_rows",
    "working_dtype",
]
