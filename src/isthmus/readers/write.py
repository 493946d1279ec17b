"""`Embeddings` to a folder that `read_embeddings` reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import to_numpy
from ..embeddings import Embeddings
from ..files import write_together
from .read import GROUPS, LABELS

Writers = dict[Path, Callable[[Path], None]]


def write_embeddings(folder: Path | str, embeddings: Embeddings) -> None:
    """Write `NAME.npy` per modality, with `NAME.groups.npy` and `NAME.labels.npy` beside.

    All files appear together or, after an error, none. Group ids that only number the rows
    are left out.
    """
    write_together(embedding_writers(Path(folder), embeddings))


def embedding_writers(folder: Path, embeddings: Embeddings) -> Writers:
    """The files of `write_embeddings`, as path → function that writes to a given path."""
    arrays = {name: to_numpy(x) for name, x in embeddings.arrays.items()}
    numbered = all(np.array_equal(ids, np.arange(len(ids))) for ids in embeddings.groups.values())
    if not numbered:
        arrays |= {name + GROUPS: ids for name, ids in embeddings.groups.items()}
    if embeddings.labels is not None:
        arrays |= {name + LABELS: values for name, values in embeddings.labels.items()}
    return {folder / f"{name}.npy": _npy_writer(array) for name, array in arrays.items()}


def _npy_writer(array: NDArray[Any]) -> Callable[[Path], None]:
    return lambda path: np.save(path, array, allow_pickle=False)
