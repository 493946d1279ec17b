"""npz archives, read safely: no pickles, and no member takes a name on disk."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from .guard import check_backed, check_file, pickled, reading
from .lazy import Arrays, Stored
from .mapping import is_plain, member_start
from .npy import Header, npy_header
from .spool import block_rows, collect
from .values import decoded, native, read_as

_ENDING = ".npy"


def open_npz(path: Path) -> Arrays:
    """The arrays of an npz file by name: memory-mapped where they are stored uncompressed.

    Compressed matrices are unpacked block by block when asked for, other arrays at once.

    Other members are ignored, and so are members whose name leads out of the archive
    (absolute, or with `..`).
    """
    check_file(path)
    with reading(path, "an npz archive"), zipfile.ZipFile(path) as archive:
        names = [
            name.removesuffix(_ENDING)
            for name in archive.namelist()
            if name.endswith(_ENDING) and _is_inside(name)
        ]
    return Arrays(names, partial(_stored, path))


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return not (".." in parts or name.startswith(("/", "\\")) or ":" in parts[0])


def _stored(path: Path, name: str) -> Stored:
    header = _checked_header(path, name)
    return Stored.of(header.shape, read_as(header.dtype), partial(_read, path, name))


def _read(path: Path, name: str) -> NDArray[Any]:
    where = f"{path}[{name}]"
    header = _checked_header(path, name)
    with (
        reading(where, "an npy array"),
        zipfile.ZipFile(path) as archive,
        archive.open(name + _ENDING) as file,
    ):
        member = archive.getinfo(name + _ENDING)
        if is_plain(member) and header.nbytes:
            npy_header(file)
            return native(_mapped(path, member, file.tell(), header), where)
        if len(header.shape) == 2 and header.nbytes:
            return _unpacked(where, file, header)
        return native(npy_format.read_array(file, allow_pickle=False), where)


def _mapped(path: Path, member: zipfile.ZipInfo, values: int, header: Header) -> NDArray[Any]:
    """A member that is stored as it is; its values begin at its byte `values`."""
    if values + header.nbytes > member.file_size:
        raise ValueError(f"its header announces {header.nbytes} bytes of values, fewer follow")
    offset = member_start(path, member) + values
    order: Literal["F", "C"] = "F" if header.is_fortran else "C"
    return np.memmap(path, header.dtype, "r", offset=offset, shape=header.shape, order=order)


def _unpacked(where: str, file: IO[bytes], header: Header) -> NDArray[Any]:
    """A compressed matrix, block by block; one in Fortran's order lies there transposed."""
    npy_header(file)
    rows, width = reversed(header.shape) if header.is_fortran else header.shape
    step = block_rows(width * header.dtype.itemsize)

    def block(start: int) -> NDArray[Any]:
        count = min(step, rows - start) * width
        values = np.frombuffer(file.read(count * header.dtype.itemsize), header.dtype, count)
        return decoded(values.reshape(-1, width))

    found = collect(
        where,
        map(block, range(0, rows, step)),
        rows=rows,
        width=width,
        dtype=read_as(header.dtype),
    )
    return found.T if header.is_fortran else found


def _checked_header(path: Path, name: str) -> Header:
    where = f"{path}[{name}]"
    with (
        reading(where, "an npy array"),
        zipfile.ZipFile(path) as archive,
        archive.open(name + _ENDING) as file,
    ):
        header = npy_header(file)
        if header.dtype.hasobject:
            raise pickled(where)
        check_backed(where, header.nbytes, path.stat().st_size)
    return header
