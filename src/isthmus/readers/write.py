"""`Embeddings` to a folder or a file that `read_embeddings` reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import to_numpy
from ..embeddings import Embeddings
from ..files import Writers, check_stem, write_together
from .side import GROUPS, LABELS
from .write_files import write_parquet, write_safetensors

Columns = Mapping[str, NDArray[Any] | None]

_FILES: dict[str, Callable[[Path, Embeddings, Columns], None]] = {
    ".parquet": write_parquet,
    ".safetensors": write_safetensors,
}


def write_embeddings(path: Path | str, embeddings: Embeddings) -> None:
    """Write to a folder, or to a file whose name ends in `.parquet` or `.safetensors`.

    A folder gets `NAME.npy` per modality, with `NAME.groups.npy` and `NAME.labels.npy` beside.
    All files appear together or, after an error, none. Ids and labels of an earlier set in the
    same files are removed.

    A parquet file gets a column per modality (lists of fixed size, single precision, in row
    groups of 65,536), so all modalities need equally many rows. A safetensors file gets a
    tensor per modality in its own dtype. Ids and labels are columns (tensors) of their own,
    named as above.

    Group ids that only number the rows are left out.

    Raises
    ------
    InputError
        A name of a modality that cannot name a file; for parquet, modalities with different
        numbers of rows; a place that cannot be written to.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from isthmus.readers import read_embeddings
    >>> space = Embeddings({"image": np.eye(3), "text": np.ones((3, 3))}, labels=[0, 1, 0])
    >>> with TemporaryDirectory() as folder:
    ...     write_embeddings(f"{folder}/space.parquet", space)
    ...     read_embeddings(f"{folder}/space.parquet").labels["text"].tolist()
    [0, 1, 0]
    """
    write_together(embedding_writers(Path(path), embeddings))


def embedding_writers(path: Path, embeddings: Embeddings) -> Writers:
    """The files of `write_embeddings`, as path → function that writes to a given path."""
    for name in embeddings.names:
        check_stem(name, "give it a name")
    columns = _columns(embeddings)
    if path.suffix in _FILES:
        write = _FILES[path.suffix]
        return {path: lambda target: write(target, embeddings, columns)}
    writers: dict[Path, Callable[[Path], None] | None] = {}
    for name, x in embeddings.arrays.items():
        writers[path / f"{name}.npy"] = _npy_writer(to_numpy(x))
        for ending in (GROUPS, LABELS):
            values = columns[name + ending]
            writers[path / f"{name}{ending}.npy"] = None if values is None else _npy_writer(values)
    return writers


def _columns(embeddings: Embeddings) -> Columns:
    """Name → ids or labels; None for those that are left out."""
    groups = None if _only_number_rows(embeddings) else embeddings.groups
    columns: dict[str, NDArray[Any] | None] = {}
    for name in embeddings.names:
        for ending, values in ((GROUPS, groups), (LABELS, embeddings.labels)):
            columns[name + ending] = None if values is None else values[name]
    return columns


def _only_number_rows(embeddings: Embeddings) -> bool:
    ids = list(embeddings.groups.values())
    return all(np.array_equal(values, np.arange(len(ids[0]))) for values in ids)


def _npy_writer(array: NDArray[Any]) -> Callable[[Path], None]:
    return lambda path: np.save(path, array, allow_pickle=False)
