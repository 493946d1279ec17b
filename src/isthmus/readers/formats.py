"""Which function opens what: by the ending of a file, by the layout of a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import InputError
from .arrow import open_arrow
from .clip_retrieval import is_clip_retrieval, open_clip_retrieval
from .columns import open_csv, open_json, open_txt
from .hugging_face import is_hugging_face, is_split, open_hugging_face
from .lance import open_lance
from .lazy import Arrays
from .npy import open_npy, stored_npy
from .npz import open_npz
from .parquet import open_parquet
from .safetensors import open_safetensors
from .torch_file import open_torch

Open = Callable[[Path], Arrays]

SPACES: dict[str, Open] = {
    ".npz": open_npz,
    ".parquet": open_parquet,
    **dict.fromkeys((".arrow", ".feather", ".ipc"), open_arrow),
    ".safetensors": open_safetensors,
    **dict.fromkeys((".pt", ".pth"), open_torch),
}
"""Ending → function, for files that hold several named arrays."""

COLUMNS: dict[str, Open] = {
    ".npy": open_npy,
    ".txt": open_txt,
    **dict.fromkeys((".csv", ".tsv"), open_csv),
    ".json": open_json,
    **SPACES,
}
"""Ending → function, for files that hold one value per row."""

LANCE = ".lance"


def open_source(path: Path) -> Arrays:
    """The named arrays of a folder in any known layout, or of a file of several arrays."""
    if not path.exists():
        raise InputError(f"no such file or folder: {path}")
    if path.is_dir():
        if layout := _layout(path):
            return layout(path)
        raise InputError(
            f"the folder {path} holds no .npy file; it needs one per modality, or the layout of "
            "clip-retrieval, of a saved Hugging Face dataset or of a LanceDB table"
        )
    if path.suffix in SPACES:
        return SPACES[path.suffix](path)
    raise InputError(
        f"{path} is neither a folder nor a file of several arrays ({', '.join(SPACES)}); "
        f"single arrays are given as NAME={path}"
    )


def is_source(folder: Path) -> bool:
    """Whether the folder itself holds arrays, and not folders of them."""
    return _layout(folder) is not None and not is_split(folder)


def open_files(paths: Mapping[str, Path]) -> Arrays:
    """One array from each npy file, under the name given. Memory-mapped."""
    return Arrays(paths, lambda name: stored_npy(paths[name]))


def _layout(folder: Path) -> Open | None:
    if folder.suffix == LANCE:
        return open_lance
    if is_hugging_face(folder):
        return open_hugging_face
    if is_clip_retrieval(folder):
        return open_clip_retrieval
    return open_npy_folder if _npy_files(folder) else None


def open_npy_folder(folder: Path) -> Arrays:
    """The npy files of a folder by name, each memory-mapped."""
    return open_files(_npy_files(folder))


def _npy_files(folder: Path) -> dict[str, Path]:
    paths = sorted(path for path in folder.glob("*.npy") if not path.name.startswith("."))
    return {path.stem: path for path in paths}
