"""Rows that come in blocks, as one array: in memory while it is small, else in a file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import InputError
from ..progress import tracked
from .guard import one_line

MEMORY_BYTES = 256 * 2**20
"""An array of more bytes than this lies in a temporary file, memory-mapped."""

BLOCK_BYTES = 4 * 2**20
"""Whoever may choose gives blocks of about this size."""


def collect(
    where: Path | str,
    blocks: Iterable[NDArray[Any]],
    *,
    rows: int,
    width: int,
    dtype: DTypeLike,
) -> NDArray[Any]:
    """Blocks of rows, (n, D) each, as one (N, D) array of a dtype.

    Up to `MEMORY_BYTES` it is an array in memory. Beyond, the blocks are written one after
    another to a temporary file, which is then memory-mapped read-only: resident memory is one
    block, and later whatever of the map is read. The file has no name once it is open (POSIX), so
    nothing stays behind, however the process ends. It lies in `TMPDIR`, or where `tempfile`
    puts such files.

    Raises
    ------
    InputError
        A temporary folder that cannot be written to or lacks the space.
    ValueError
        Blocks that do not hold `rows` rows in all.

    Examples
    --------
    >>> halves = (np.full((2, 3), value) for value in (1, 2))
    >>> collect("twos", halves, rows=4, width=3, dtype=np.float16)[:, 0].tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    dtype = np.dtype(dtype)
    if rows * width * dtype.itemsize > MEMORY_BYTES:
        return _in_file(where, blocks, (rows, width), dtype)
    array = np.empty((rows, width), dtype)

    def put(start: int, block: NDArray[Any]) -> None:
        array[start : start + len(block)] = block

    _put_all(put, blocks, rows)
    return array


def block_rows(row_bytes: int) -> int:
    """How many rows of a size make a block."""
    return max(1, BLOCK_BYTES // max(row_bytes, 1))


def _put_all(
    put: Callable[[int, NDArray[Any]], None], blocks: Iterable[NDArray[Any]], rows: int
) -> None:
    """Put every block behind the one before it, and let go of it before asking for the next."""

    def counts() -> Iterator[int]:
        filled = 0
        for block in blocks:
            count = len(block)
            if filled + count > rows:
                raise ValueError(f"it holds more rows than the {rows} that it announces")
            put(filled, block)
            filled += count
            del block
            yield count

    filled = sum(tracked(counts(), rows, float))
    if filled != rows:
        raise ValueError(f"it holds {filled} rows and announces {rows}")


def _in_file(
    where: Path | str,
    blocks: Iterable[NDArray[Any]],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    needed = shape[0] * shape[1] * dtype.itemsize
    with _explain(where, needed):
        file = _temporary(needed)

    def put(_: int, block: NDArray[Any]) -> None:
        # Written, and not copied into a writable map: a full disk is then an error here, and no
        # signal that ends the process, and pages not yet on disk are not this process's.
        with _explain(where, needed):
            file.write(np.ascontiguousarray(block, dtype).data)

    with file:
        _put_all(put, blocks, shape[0])
        with _explain(where, needed):
            file.flush()
            return np.memmap(file, dtype, mode="r", shape=shape)


def _temporary(needed: int) -> IO[bytes]:
    """A file without a name, where so much fits."""
    folder = os.environ.get("TMPDIR") or tempfile.gettempdir()
    if (free := shutil.disk_usage(folder).free) < needed:
        raise OSError(f"only {free:,} bytes are free there")
    return tempfile.TemporaryFile(dir=folder, prefix="isthmus-")


@contextmanager
def _explain(where: Path | str, needed: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        folder = os.environ.get("TMPDIR") or tempfile.tempdir or "none is set"
        raise InputError(
            f"{where} needs {needed:,} bytes in the temporary folder ({folder}): "
            f"{one_line(error.strerror or error)}; set TMPDIR to a folder with that much space"
        ) from error
