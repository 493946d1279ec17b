"""npy and npz files, read safely: no pickles, memory-mapped where possible."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError


def read_npy(path: Path) -> NDArray[Any]:
    """One array, memory-mapped read-only.

    Raises
    ------
    InputError
        Missing, not an npy file, truncated, or holding pickled objects.
    """
    _check_file(path)
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _unreadable(path, error) from error
    return array


class NpzArrays(Mapping[str, NDArray[Any]]):
    """The arrays of an npz file by name, each read when asked for."""

    def __init__(self, path: Path) -> None:
        _check_file(path)
        self._path = path
        try:
            self._file = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise _unreadable(path, error) from error
        if not isinstance(self._file, np.lib.npyio.NpzFile):
            raise InputError(f"{path} is not an npz archive, whatever its name says")

    def __getitem__(self, key: str) -> NDArray[Any]:
        if key not in self._file.files:
            raise KeyError(key)
        try:
            array: NDArray[Any] = self._file[key]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise _unreadable(Path(f"{self._path}[{key}]"), error) from error
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.files)

    def __len__(self) -> int:
        return len(self._file.files)


def _check_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"no such file: {path}")
    if not path.is_file():
        raise InputError(f"{path} is not a file")


def _unreadable(path: Path, error: Exception) -> InputError:
    if any(word in str(error).lower() for word in ("pickle", "python object")):
        return InputError(
            f"{path} holds pickled objects, which could run code and are never loaded; "
            "save a plain numeric array: np.save(path, array.astype('float32'))"
        )
    return InputError(f"cannot read {path}: {error}")
