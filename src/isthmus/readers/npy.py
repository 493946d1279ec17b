"""npy and npz files, read safely: no pickles, memory-mapped where possible."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from ..errors import InputError

_ENDING = ".npy"

_BROKEN = (
    *(OSError, EOFError, ValueError, SyntaxError, MemoryError, OverflowError, TypeError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error),
    *(NotImplementedError, RuntimeError),  # unknown or encrypted compression
)
"""What numpy and zipfile raise on files that are damaged or not what their name says."""


def read_npy(path: Path) -> NDArray[Any]:
    """One array, memory-mapped read-only.

    Raises
    ------
    InputError
        Missing, not an npy file, truncated, or holding pickled objects.
    """
    _check_file(path)
    try:
        with path.open("rb") as file:
            dtype = _dtype(file)
        if dtype.hasobject:
            raise _pickled(path)
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(f"cannot read {path} as an npy array: {error}") from error
    return array


class NpzArrays(Mapping[str, NDArray[Any]]):
    """The arrays of an npz file by name, each read when asked for. Other members are ignored."""

    def __init__(self, path: Path) -> None:
        _check_file(path)
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                members = archive.namelist()
        except _BROKEN as error:
            raise InputError(f"cannot read {path} as an npz archive: {error}") from error
        self._names = [name.removesuffix(_ENDING) for name in members if name.endswith(_ENDING)]

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._names:
            raise KeyError(key)
        where = f"{self._path}[{key}]"
        try:
            with zipfile.ZipFile(self._path) as archive:
                with archive.open(key + _ENDING) as file:
                    dtype = _dtype(file)
                if dtype.hasobject:
                    raise _pickled(where)
                with archive.open(key + _ENDING) as file:
                    array: NDArray[Any] = npy_format.read_array(file, allow_pickle=False)
        except InputError:
            raise
        except _BROKEN as error:
            raise InputError(f"cannot read {where}: {error}") from error
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _dtype(file: Any) -> np.dtype[Any]:
    """The dtype that an npy header names, without reading what follows it."""
    version = npy_format.read_magic(file)
    read = (
        npy_format.read_array_header_1_0
        if version == (1, 0)
        else (npy_format.read_array_header_2_0)
    )
    dtype: np.dtype[Any] = read(file)[2]
    return dtype


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"no such file: {path}")
    if not path.is_file():
        raise InputError(f"{path} is not a file")


def _pickled(where: Path | str) -> InputError:
    return InputError(
        f"{where} holds pickled objects, which could run code and are never loaded; "
        "save a plain numeric array: np.save(path, array.astype('float32'))"
    )
