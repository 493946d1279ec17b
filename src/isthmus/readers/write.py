"""`Embeddings` to a folder that `read_embeddings` reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import to_numpy
from ..embeddings import Embeddings
from ..files import Writers, write_together
from .read import GROUPS, LABELS


def write_embeddings(folder: Path | str, embeddings: Embeddings) -> None:
    """Write `NAME.npy` per modality, with `NAME.groups.npy` and `NAME.labels.npy` beside.

    All files appear together or, after an error, none. Group ids that only number the rows
    are left out. Ids and labels of an earlier set in the same files are removed.
    """
    write_together(embedding_writers(Path(folder), embeddings))


def embedding_writers(folder: Path, embeddings: Embeddings) -> Writers:
    """The files of `write_embeddings`, as path → function that writes to a given path."""
    columns = {
        GROUPS: None if _only_number_rows(embeddings) else embeddings.groups,
        LABELS: embeddings.labels,
    }
    writers: dict[Path, Callable[[Path], None] | None] = {}
    for name, x in embeddings.arrays.items():
        writers[folder / f"{name}.npy"] = _npy_writer(to_numpy(x))
        for ending, values in columns.items():
            path = folder / f"{name}{ending}.npy"
            writers[path] = None if values is None else _npy_writer(values[name])
    return writers


def _only_number_rows(embeddings: Embeddings) -> bool:
    ids = list(embeddings.groups.values())
    return all(np.array_equal(values, np.arange(len(ids[0]))) for values in ids)


def _npy_writer(array: NDArray[Any]) -> Callable[[Path], None]:
    return lambda path: np.save(path, array, allow_pickle=False)
