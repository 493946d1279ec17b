"""Arrays that are parts of a memory-mapped file."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = np.memmap[Any, Any]
"""A file, memory-mapped as bytes."""

_LOCAL_HEADER = 30  # bytes before the name of a member
_ENCRYPTED = 1


def map_file(path: Path) -> Bytes:
    """The bytes of a file, memory-mapped."""
    return np.memmap(path, np.uint8, mode="r")


def part_of(file: Bytes, array: NDArray[Any], *, address: int | None = None) -> NDArray[Any] | None:
    """The array as a memory map of its own, if it lies in the file as it is.

    `address` is where the file's first byte lies in memory, if the array sees it through
    another map than `file`.
    """
    if not array.size or not array.flags.c_contiguous:
        return None
    start = array.ctypes.data - (file.ctypes.data if address is None else address)
    if not 0 <= start <= len(file) - array.nbytes:
        return None
    return file[start : start + array.nbytes].view(array.dtype).reshape(array.shape)


def is_plain(member: zipfile.ZipInfo) -> bool:
    """Whether the bytes of a member lie in the archive as they are."""
    return (
        member.compress_type == zipfile.ZIP_STORED
        and member.compress_size == member.file_size
        and not member.flag_bits & _ENCRYPTED
    )


def member_start(path: Path, member: zipfile.ZipInfo) -> int:
    """Where in the archive the bytes of a member begin: behind its name and extra fields."""
    with path.open("rb") as file:
        file.seek(member.header_offset)
        local = file.read(_LOCAL_HEADER)
    lengths = (int.from_bytes(local[i : i + 2], "little") for i in (26, 28))
    return member.header_offset + _LOCAL_HEADER + sum(lengths)
