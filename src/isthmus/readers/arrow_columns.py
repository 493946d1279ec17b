"""One column of Arrow record batches to one numpy array, in bounded memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..arrays import forget
from ..errors import InputError
from .guard import check_backed, reading
from .lazy import Stored
from .mapping import Bytes, part_of
from .spool import collect
from .values import strings


class Piece(NamedTuple):
    """Some rows of a column."""

    array: Any
    """Its Arrow array."""
    file: Bytes | None = None
    """The bytes of the file that it comes from, and may lie in, where they are mapped."""


class Column(NamedTuple):
    """A column of a file of record batches."""

    where: str
    type: Any
    """Its Arrow type."""
    nbytes: int
    """What it may take on disk at most: the size of the files that hold it."""
    batches: Callable[[], Generator[Piece, None, None]]
    """Opens the files and yields the column in order of the rows."""
    rows: Callable[[], int]
    """How many rows the files announce; an error where they announce what cannot be."""


def stored_column(column: Column) -> Stored:
    """A column of lists of numbers, all of one length, is a matrix; others have a value per row.

    Lists in one piece that lie in a mapped file as they are stay there; others are copied batch
    by batch into one array in their own dtype.
    """
    item = _item_type(column.type)
    if item is not None:
        return Stored(True, f"lists of {item}", partial(_read_matrix, column, item))
    return Stored(False, f"one {_plain(column.type)} per row", partial(_read_values, column))


def _plain(type_: Any) -> Any:
    return type_.storage_type if isinstance(type_, pa.BaseExtensionType) else type_


def _item_type(type_: Any) -> Any:
    """The type of a list's numbers, or None for a column of another kind."""
    type_ = _plain(type_)
    types = pa.types
    if types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_):
        item = type_.value_type
        if types.is_integer(item) or types.is_floating(item):
            return item
    return None


def _pieces(column: Column) -> Iterator[tuple[int, Piece]]:
    """(first row, piece) in order, checked for structure and for missing values.

    What was read of the file to get one piece is given back before the next.
    """
    start = 0
    with closing(column.batches()) as batches:
        for piece in batches:
            array = piece.array
            if isinstance(array, pa.ExtensionArray):
                array = array.storage
            array.validate(full=True)
            if array.null_count:
                row = start + int(np.argmax(array.is_null().to_numpy(zero_copy_only=False)))
                raise InputError(f"{column.where} has no value in row {row}")
            rows, file = len(array), piece.file
            yield start, Piece(array, file)
            del piece, array  # memory for one piece, and not for this and the next
            forget(file)
            start += rows


def _read_matrix(column: Column, item: Any) -> NDArray[Any]:
    dtype = np.dtype(item.to_pandas_dtype())
    with reading(column.where, "a column of lists"):
        rows = column.rows()
        blocks = _blocks(column)
        ahead = list(itertools.islice(blocks, 1))
        if not ahead:
            return collect(column.where, [], rows=rows, width=0, dtype=dtype)
        if len(ahead[0]) == rows and isinstance(ahead[0], np.memmap):
            return ahead[0]
        width = ahead[0].shape[1]
        check_backed(column.where, rows * width * dtype.itemsize, column.nbytes)
        return collect(column.where, _chained(ahead, blocks), rows=rows, width=width, dtype=dtype)


def _chained(ahead: list[NDArray[Any]], blocks: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """As `itertools.chain`, without keeping the first while the others are read."""
    yield ahead.pop()
    yield from blocks


def _blocks(column: Column) -> Iterator[NDArray[Any]]:
    """The rows of every piece, (n, D); a memory map where they lie in a mapped file as they are."""
    width = None
    for start, piece in _pieces(column):
        if len(piece.array):
            width = len(piece.array[0]) if width is None else width
            block = _block(column.where, piece.array, width, start)
            mapped = None if piece.file is None else part_of(piece.file, block)
            yield block if mapped is None else mapped
            del block, mapped
        del piece


def _block(where: str, lists: Any, width: int, start: int) -> NDArray[Any]:
    if pa.types.is_fixed_size_list(lists.type):
        even = lists.type.list_size == width
        lengths = np.full(len(lists), lists.type.list_size)
    else:
        lengths = np.diff(lists.offsets.to_numpy())
        even = bool(np.all(lengths == width))
    if not even:
        row = int(np.argmax(lengths != width))
        raise InputError(
            f"{where} has lists of uneven length: {lengths[row]} numbers in row {start + row}, "
            f"{width} in row 0; all rows of a modality must be equally wide"
        )
    values = lists.flatten()
    if values.null_count:
        row = int(np.argmax(values.is_null().to_numpy(zero_copy_only=False))) // width
        raise InputError(f"{where} has a missing number in row {start + row}")
    return np.asarray(values.to_numpy(zero_copy_only=False)).reshape(len(lists), width)


def _read_values(column: Column) -> NDArray[Any]:
    with reading(column.where, "a column"):
        rows = column.rows()
        parts = [_values(column, piece.array) for _, piece in _pieces(column)]
        if sum(len(part) for part in parts) != rows:
            raise ValueError(
                f"it holds {sum(len(part) for part in parts)} rows and announces {rows}"
            )
        if not parts:
            return np.empty(0, dtype=np.int64)
        widest = max(part.dtype.itemsize for part in parts)
        check_backed(column.where, rows * widest, column.nbytes)
        return np.concatenate(parts)


def _values(column: Column, piece: Any) -> NDArray[Any]:
    types = pa.types
    if types.is_dictionary(piece.type):
        values = _values(column, piece.dictionary)
        check_backed(column.where, len(piece) * values.dtype.itemsize, column.nbytes)
        return np.asarray(values[piece.indices.to_numpy()])
    if types.is_string(piece.type) or types.is_large_string(piece.type):
        longest = pc.max(pc.utf8_length(piece)).as_py() or 0
        check_backed(column.where, 4 * longest * len(piece), column.nbytes)
        return strings(column.where, piece.to_numpy(zero_copy_only=False), column.nbytes)
    if (
        types.is_boolean(piece.type)
        or types.is_integer(piece.type)
        or types.is_floating(piece.type)
    ):
        return np.asarray(piece.to_numpy(zero_copy_only=False))
    raise InputError(
        f"{column.where} holds {piece.type}; one integer, string, boolean or float per row is read"
    )
