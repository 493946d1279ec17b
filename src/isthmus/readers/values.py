"""Values as they lie on disk, to arrays that numpy computes with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import row_chunks
from ..errors import InputError
from .guard import check_backed
from .spool import collect

_BFLOAT16 = np.dtype("V2")


def from_bfloat16(bits: NDArray[Any]) -> NDArray[np.float32]:
    """The exact float32 values of bfloat16 numbers, given as 16-bit integers of any shape.

    A bfloat16 is the upper half of a float32, so its bits are moved up by 16.

    >>> from_bfloat16(np.array([0x3F80, 0xC000], np.uint16)).tolist()
    [1.0, -2.0]
    """
    values = np.empty(bits.shape, np.float32)
    np.left_shift(bits, 16, out=values.view(np.uint32), dtype=np.uint32)
    return values


def read_as(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that `native` gives an array of this dtype."""
    return np.dtype(np.float32) if dtype == _BFLOAT16 else dtype.newbyteorder("=")


def decoded(array: NDArray[Any]) -> NDArray[Any]:
    """The values of an array as it lies in a numpy file: float32 of bfloat16, else itself.

    The two-byte void of such files is bfloat16, which `np.save` does not know by name.
    """
    return from_bfloat16(array.view("<u2")) if array.dtype == _BFLOAT16 else array


def native(array: NDArray[Any], where: Path | str) -> NDArray[Any]:
    """The decoded array in the machine's own byte order; itself, if it is so already."""
    dtype = read_as(array.dtype)
    if array.dtype == dtype and array.dtype.isnative:
        return array
    return converted(array, where, dtype, decoded)


def converted(
    array: NDArray[Any],
    where: Path | str,
    dtype: np.dtype[Any],
    convert: Callable[[NDArray[Any]], NDArray[Any]],
) -> NDArray[Any]:
    """`convert(array)` in a dtype; a matrix chunk by chunk, as `spool.collect` keeps it."""
    if array.ndim != 2 or not array.size:
        return convert(array).astype(dtype, copy=False)
    rows, width = array.shape
    blocks = (convert(array[part, :]) for part in row_chunks(array))
    return collect(where, blocks, rows=rows, width=width, dtype=dtype)


def strings(where: Path | str, values: Sequence[str] | NDArray[Any], stored: int) -> NDArray[Any]:
    """Strings as a numpy array, whose items are all as wide as the longest.

    `stored` is what they take on disk: one string a thousand times longer than the others
    would take the memory of a thousand such columns.
    """
    longest = max((len(value) for value in values), default=0)
    check_backed(where, 4 * longest * len(values), stored)
    return np.array(values, dtype=np.str_)


def scaled(name: str, x: NDArray[Any], scale: NDArray[Any]) -> NDArray[Any]:
    """Quantised rows with their scale: the values are `x * scale`.

    (N, D) with a scale of shape (), (1,), (N,) or (N, 1), which changes no direction: x
    itself; with a scale of shape (D,) or (1, D): single precision (N, D).
    """
    n, width = x.shape
    if not (scale.dtype.kind in "iuf" and bool(np.all(np.isfinite(scale) & (scale > 0)))):
        raise InputError(f"'{name}.scale' must hold finite numbers above zero")
    if scale.shape == (n,) == (width,) and n > 1:
        raise InputError(
            f"'{name}.scale' of shape ({n},) may be per row or per dimension of the {n} x {width} "
            f"array '{name}'; save it with shape ({n}, 1) or (1, {width})"
        )
    if scale.size == 1 or scale.shape in ((n,), (n, 1)):
        return x
    if scale.shape in ((width,), (1, width)):
        factors = scale.reshape(1, width)
        single = np.dtype(np.float32)
        return converted(x, name, single, lambda part: np.multiply(part, factors, dtype=single))
    raise InputError(
        f"'{name}.scale' must be one number, one per row ({n}) or one per dimension ({width}); "
        f"found shape {scale.shape}"
    )
