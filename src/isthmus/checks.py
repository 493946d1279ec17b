"""What rows must be like: 2-D, real, finite, and with a direction."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj
from numpy.typing import NDArray

from .arrays import Array, row_chunks, to_numpy, unit_rows, working_dtype
from .errors import InputError


def check_rows(array: Array, name: str) -> Array:
    """The array, if its rows can be compared by direction; else an error that names the row."""
    if not is_array_api_obj(array):
        try:
            array = np.asarray(array)
        except ValueError as error:
            raise InputError(
                f"modality '{name}' must be a 2-D array (rows, dimensions): {error}"
            ) from error
    if array.ndim != 2:
        raise InputError(
            f"modality '{name}' must be a 2-D array (rows, dimensions); "
            f"found shape {tuple(array.shape)}"
        )
    xp = array_namespace(array)
    if not xp.isdtype(array.dtype, ("real floating", "integral")):
        raise InputError(f"modality '{name}' must hold real numbers; found dtype {array.dtype}")
    if array.shape[0] < 2 or array.shape[1] < 1:
        raise InputError(
            f"modality '{name}' needs at least two rows and one column; "
            f"found shape {tuple(array.shape)}"
        )
    return check_values(array, name)


def check_values(array: Array, name: str, first: int = 0) -> Array:
    """The (N, D) array, if every row has a direction; else an error that names the row.

    `first` is the number of the first row.
    """
    for rows in row_chunks(array):
        _check_chunk(array[rows, :], name, first + rows.start)
    return array


def checked_unit_rows(array: Array, name: str, first: int = 0) -> Array:
    """Rows (N, D) scaled to unit length, or `check_values`' error, in one pass over good rows."""
    xp = array_namespace(array)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        unit = unit_rows(array)
    if not bool(xp.all(xp.isfinite(unit[:, 0]))):  # no part of a row without direction is finite
        check_values(array, name, first)
    return unit


def _check_chunk(chunk: Array, name: str, start: int) -> None:
    xp = array_namespace(chunk)
    values = xp.astype(chunk, working_dtype(chunk))
    finite = xp.all(xp.isfinite(values), axis=1)
    if not bool(xp.all(finite)):
        row, more = _first_and_count(~to_numpy(finite))
        raise InputError(
            f"modality '{name}' has NaN or infinity in row {start + row}{more}; "
            "drop such rows, or embed those items again"
        )
    nonzero = xp.any(values != 0, axis=1)
    if not bool(xp.all(nonzero)):
        row, more = _first_and_count(~to_numpy(nonzero))
        raise InputError(
            f"modality '{name}' has only zeros in row {start + row}{more}; a zero vector has "
            "no direction: drop such rows, or embed those items again"
        )


def _first_and_count(bad: NDArray[np.bool_]) -> tuple[int, str]:
    more = int(bad.sum()) - 1
    return int(bad.argmax()), f" (and {more} more nearby)" if more else ""
