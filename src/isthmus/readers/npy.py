"""npy files, read safely: no pickles, always memory-mapped."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from .guard import check_file, pickled, reading
from .lazy import Arrays, Stored
from .values import native, read_as


class Header(NamedTuple):
    """What an npy header announces."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Size of the values, which a damaged header may put at anything."""
        return self.dtype.itemsize * math.prod(self.shape)


def open_npy(path: Path) -> Arrays:
    """The one array of an npy file, under the name of the file. Memory-mapped."""
    check_file(path)
    return Arrays([path.stem], lambda _: stored_npy(path))


def stored_npy(path: Path) -> Stored:
    """The array of an npy file. Only its header is read; its values are memory-mapped."""
    header = _checked_header(path)
    return Stored.of(header.shape, read_as(header.dtype), partial(read_npy, path))


def read_npy(path: Path) -> NDArray[Any]:
    """One array, memory-mapped read-only (bfloat16 and foreign byte orders: converted).

    Raises
    ------
    InputError
        Missing, not an npy file, truncated, or holding pickled objects.
    """
    _checked_header(path)
    with reading(path, "an npy array"):
        return native(np.load(path, mmap_mode="r", allow_pickle=False), path)


def npy_header(file: IO[bytes]) -> Header:
    """The header of an npy file, without reading what follows it."""
    version = npy_format.read_magic(file)
    read = (
        npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
    )
    return Header(*read(file))


def _checked_header(path: Path) -> Header:
    check_file(path)
    with reading(path, "an npy array"):
        with path.open("rb") as file:
            header = npy_header(file)
            follows = path.stat().st_size - file.tell()
        if header.dtype.hasobject:
            raise pickled(path)
        if not 0 <= header.nbytes <= follows:
            raise ValueError(
                f"its header announces {header.nbytes} bytes of values, {follows} follow"
            )
    return header
