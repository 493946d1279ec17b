"""Folders that clip-retrieval writes: numbered shards of vectors, and of metadata beside them.

`img_emb/img_emb_0.npy`, `text_emb/text_emb_0.npy`, `metadata/metadata_0.parquet`, and so on:
row i of one shard is row i of every other shard of that number.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import row_chunks
from ..errors import InputError
from .guard import reading
from .lazy import Arrays, Stored
from .npy import read_npy, stored_npy
from .parquet import open_parquet
from .spool import collect

_ENDING = "_emb"
_METADATA = "metadata"
_NAMES = {"img": "image"}


def is_clip_retrieval(folder: Path) -> bool:
    """Whether the folder has the layout: a folder `…_emb` with npy files."""
    return any(_shards(inner, ".npy") for inner in _modality_folders(folder).values())


def open_clip_retrieval(folder: Path) -> Arrays:
    """The modalities (`img_emb` as `image`, `text_emb` as `text`) and the metadata columns.

    One shard is memory-mapped; several are copied, one after another, into one array of their
    own dtype, as `spool.collect` keeps it, when it is asked for. Metadata is read as parquet
    files are. A metadata column that has a modality's name is called `metadata.NAME`.
    """
    shards = {name: _shards(f, ".npy") for name, f in _modality_folders(folder).items()}
    shards = {name: paths for name, paths in shards.items() if paths}
    tables = _shards(folder / _METADATA, ".parquet")
    _check_shards(folder, {**shards, **({_METADATA: tables} if tables else {})})
    columns = {}
    if tables:
        first = open_parquet(next(iter(tables.values())))
        columns = {f"{_METADATA}.{name}" if name in shards else name: name for name in first}

    def describe(name: str) -> Stored:
        if name in shards:
            return _stored_modality(shards[name])
        return _stored_metadata(columns[name], tables)

    return Arrays([*shards, *columns], describe)


def _modality_folders(folder: Path) -> dict[str, Path]:
    folders = sorted(p for p in folder.glob(f"?*{_ENDING}") if p.is_dir())
    stems = {path: path.name.removesuffix(_ENDING) for path in folders}
    return {_NAMES.get(stem, stem): path for path, stem in stems.items()}


def _shards(folder: Path, suffix: str) -> dict[int, Path]:
    """Number → file, in order of the numbers at the ends of the names."""
    found: dict[int, Path] = {}
    for path in sorted(folder.glob(f"*{suffix}")):
        if path.name.startswith("."):
            continue
        digits = re.search(r"([0-9]{1,18})$", path.stem)
        number = int(digits[1]) if digits else 0
        if number in found:
            raise InputError(f"{path} and {found[number].name} both end in the number {number}")
        found[number] = path
    return dict(sorted(found.items()))


def _check_shards(folder: Path, parts: dict[str, dict[int, Path]]) -> None:
    """An error unless all parts have the same shards, with equally many rows in each."""
    numbers = {name: set(paths) for name, paths in parts.items()}
    everything = set().union(*numbers.values())
    for name, own in numbers.items():
        if absent := everything - own:
            raise InputError(f"{folder} has a shard {min(absent)}, but {name} lacks it")
    for number in sorted(everything):
        rows = {name: _row_count(paths[number]) for name, paths in parts.items()}
        if len(set(rows.values())) > 1:
            listed = ", ".join(f"{name} has {n}" for name, n in rows.items())
            raise InputError(
                f"shard {number} of {folder} has different numbers of rows: {listed}; rows match "
                "by position, so embed that shard again"
            )


def _row_count(path: Path) -> int:
    if path.suffix == ".npy":
        array = read_npy(path)
        return array.shape[0] if array.ndim else -1
    import pyarrow.parquet as pq

    with reading(path, "a parquet file"):
        return int(pq.read_metadata(path).num_rows)


def _stored_modality(shards: dict[int, Path]) -> Stored:
    paths = list(shards.values())
    first = stored_npy(paths[0])
    if len(paths) == 1:
        return first
    summary = f"{len(paths)} shards, the first of {first.summary}"
    return Stored(first.is_matrix, summary, lambda: _join(paths, [read_npy(p) for p in paths]))


def _stored_metadata(name: str, tables: dict[int, Path]) -> Stored:
    paths = list(tables.values())

    def read() -> NDArray[Any]:
        opened = [open_parquet(path) for path in paths]
        for path, table in zip(paths, opened, strict=True):
            if name not in table:
                raise InputError(f"{path} has no column '{name}'")
        return _join(paths, [table[name] for table in opened])

    first = open_parquet(paths[0]).stored(name)
    return Stored(False, first.summary, read)


def _join(paths: list[Path], parts: list[NDArray[Any]]) -> NDArray[Any]:
    for path, part in zip(paths, parts, strict=True):
        if part.shape[1:] != parts[0].shape[1:] or part.dtype.kind != parts[0].dtype.kind:
            raise InputError(
                f"{path} holds rows of shape {part.shape[1:]} of {part.dtype}, but "
                f"{paths[0].name} of shape {parts[0].shape[1:]} of {parts[0].dtype}"
            )
    with reading(paths[0].parent, "shards of one array"):
        if parts[0].ndim != 2:
            return np.concatenate(parts)
        blocks = (part[rows, :] for part in parts for rows in row_chunks(part))
        return collect(
            paths[0].parent,
            blocks,
            rows=sum(len(part) for part in parts),
            width=parts[0].shape[1],
            dtype=np.result_type(*parts),
        )
