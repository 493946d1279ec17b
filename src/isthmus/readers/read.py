"""Sources on disk to `Embeddings`.

A source is a folder with one `NAME.npy` per modality, an `.npz` with one 2-D array per
modality, or several `NAME=FILE.npy`. Group ids and labels lie beside the arrays as
`NAME.groups` and `NAME.labels`, or are named by the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..embeddings import Embeddings
from ..errors import InputError
from .columns import ENDINGS, read_column
from .npy import NpzArrays, read_npy

GROUPS = ".groups"
LABELS = ".labels"


def read_embeddings(
    *source: str | Path,
    modalities: Sequence[str] | None = None,
    groups: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> Embeddings:
    """Read one set of embeddings.

    Parameters
    ----------
    source:
        A folder, an `.npz`, or several `NAME=FILE.npy`. Npy files are memory-mapped.
    modalities:
        The arrays to take as modalities; every 2-D numeric array if not given.
    groups, labels:
        Files (npy, txt, csv) or names of arrays in the source, each for all modalities, or
        for one where written `NAME=…`. Without them, `NAME.groups` and `NAME.labels` beside
        the arrays are used where present.

    Raises
    ------
    InputError
        Naming the source and what is wrong with it.
    """
    arrays = _open(source)
    where = ", ".join(map(str, source))
    try:
        names = _choose(arrays, modalities)
        return Embeddings(
            {name: arrays[name] for name in names},
            groups=_columns(arrays, names, GROUPS, groups),
            labels=_columns(arrays, names, LABELS, labels),
        )
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def read_sets(*source: str | Path, **options: Any) -> dict[str, Embeddings]:
    """Read one set of embeddings, or all sets in a folder of folders, by name."""
    if len(source) == 1 and Path(source[0]).is_dir():
        folder = Path(source[0])
        inner = sorted(path for path in folder.iterdir() if path.is_dir() and _npy_files(path))
        if inner and not _npy_files(folder):
            return {path.name: read_embeddings(path, **options) for path in inner}
    return {_name(source): read_embeddings(*source, **options)}


def _name(source: Sequence[str | Path]) -> str:
    if len(source) > 1:
        return "embeddings"
    path = Path(source[0])
    return (path.resolve().name if path.is_dir() else path.stem) or "embeddings"


def _npy_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.npy") if not path.name.startswith("."))


class _FolderArrays(Mapping[str, NDArray[Any]]):
    """The npy files of a folder by stem, each opened when asked for."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths

    def __getitem__(self, key: str) -> NDArray[Any]:
        return read_npy(self._paths[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def _open(source: Sequence[str | Path]) -> Mapping[str, NDArray[Any]]:
    if named := dict(str(part).split("=", 1) for part in source if _is_named(part)):
        if len(named) < len(source):
            raise InputError(
                "name either one folder or npz, or every modality as NAME=FILE.npy, each once; "
                f"found {' '.join(map(str, source))}"
            )
        return _FolderArrays({name: Path(path) for name, path in named.items()})
    if len(source) != 1:
        raise InputError(
            "name either one folder or npz, or every modality as NAME=FILE.npy; "
            f"found {' '.join(map(str, source)) or 'nothing'}"
        )
    path = Path(source[0])
    if not path.exists():
        raise InputError(f"no such file or folder: {path}")
    if path.is_dir():
        found = {file.stem: file for file in _npy_files(path)}
        if not found:
            raise InputError(f"the folder {path} holds no .npy file; it needs one per modality")
        return _FolderArrays(found)
    if path.suffix == ".npz":
        return NpzArrays(path)
    raise InputError(
        f"{path} is neither a folder nor an .npz; single arrays are given as NAME={path}"
    )


def _is_named(part: str | Path) -> bool:
    return isinstance(part, str) and "=" in part and not Path(part).exists()


def _choose(arrays: Mapping[str, NDArray[Any]], wanted: Sequence[str] | None) -> list[str]:
    """The modalities: those wanted, or every 2-D array of numbers."""
    if wanted is not None:
        if unknown := [name for name in wanted if name not in arrays]:
            raise InputError(f"no array '{unknown[0]}'; there are {', '.join(arrays) or 'none'}")
        return list(wanted)
    names = [name for name in arrays if not name.endswith((GROUPS, LABELS))]
    chosen = [name for name in names if _is_matrix(arrays[name])]
    if len(chosen) < 2:
        left_out = [
            f"{n} (shape {arrays[n].shape} of {arrays[n].dtype})" for n in names if n not in chosen
        ]
        raise InputError(
            "a modality gap needs at least two modalities, one 2-D array of numbers each; "
            f"found {', '.join(chosen) or 'none'}"
            + (f", left out {', '.join(left_out)}" if left_out else "")
        )
    return chosen


def _is_matrix(array: NDArray[Any]) -> bool:
    return array.ndim == 2 and array.dtype.kind in "fiu"


def _columns(
    arrays: Mapping[str, NDArray[Any]], names: Iterable[str], ending: str, given: Sequence[str]
) -> dict[str, NDArray[Any]] | None:
    """One column per modality from the options, or from beside the arrays, or none."""
    found = {n: np.asarray(arrays[n + ending]) for n in names if n + ending in arrays}
    for option in given:
        name, separator, value = option.partition("=")
        if not separator:
            column = _column(arrays, option)
            found = dict.fromkeys(names, column)
        elif name not in names:
            raise InputError(f"no modality '{name}'; there are {', '.join(names)}")
        else:
            found[name] = _column(arrays, value)
    return found or None


def _column(arrays: Mapping[str, NDArray[Any]], value: str) -> NDArray[Any]:
    if value in arrays:
        return np.asarray(arrays[value])
    if Path(value).suffix in ENDINGS:
        return read_column(Path(value))
    raise InputError(
        f"'{value}' is neither an array of the source ({', '.join(arrays)}) "
        f"nor a {', '.join(ENDINGS)} file"
    )
