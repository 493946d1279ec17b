"""npz archives, read safely: no pickles, nothing is ever unpacked to disk."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from numpy.lib import format as npy_format
from numpy.typing import NDArray

from .guard import check_backed, check_file, pickled, reading
from .lazy import Arrays, Stored
from .npy import Header, npy_header
from .values import native, read_as

_ENDING = ".npy"


def open_npz(path: Path) -> Arrays:
    """The arrays of an npz file by name, each loaded when asked for.

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
    _checked_header(path, name)
    with (
        reading(f"{path}[{name}]", "an npy array"),
        zipfile.ZipFile(path) as archive,
        archive.open(name + _ENDING) as file,
    ):
        return native(npy_format.read_array(file, allow_pickle=False))


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
