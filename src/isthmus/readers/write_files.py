"""`Embeddings` to one file: parquet or safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import to_numpy
from ..embeddings import Embeddings
from ..errors import InputError

ROW_GROUP = 65_536
"""Rows of a parquet file that are written, and can be read, together."""


def write_parquet(
    path: Path, embeddings: Embeddings, columns: Mapping[str, NDArray[Any] | None]
) -> None:
    """One column per modality and per column given, a row group at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = {name: x.shape[0] for name, x in embeddings.arrays.items()}
    if len(set(rows.values())) > 1:
        listed = ", ".join(f"{name} has {n}" for name, n in rows.items())
        raise InputError(
            f"a parquet file has one row for all modalities, but {listed}; "
            "write a folder or a .safetensors file"
        )
    beside = {name: pa.array(values) for name, values in columns.items() if values is not None}
    vectors = pa.list_(pa.float32(), embeddings.dimension)
    schema = pa.schema(
        [(name, vectors) for name in rows] + [(name, a.type) for name, a in beside.items()]
    )
    with pq.ParquetWriter(path, schema, use_dictionary=False, compression="none") as writer:
        for start in range(0, next(iter(rows.values())), ROW_GROUP):
            part = slice(start, start + ROW_GROUP)
            arrays = [_lists(x[part, :], vectors) for x in embeddings.arrays.values()]
            arrays += [array[part] for array in beside.values()]
            writer.write_batch(pa.record_batch(arrays, schema=schema), row_group_size=ROW_GROUP)


def _lists(rows: Any, type_: Any) -> Any:
    import pyarrow as pa

    values = np.ascontiguousarray(to_numpy(rows), dtype=np.float32)  # (rows, D)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=type_)


def write_safetensors(
    path: Path, embeddings: Embeddings, columns: Mapping[str, NDArray[Any] | None]
) -> None:
    """One tensor per modality and per column given; strings as padded UTF-8 bytes, (N, L)."""
    from safetensors.numpy import save_file

    tensors = {name: np.ascontiguousarray(to_numpy(x)) for name, x in embeddings.arrays.items()}
    for name, values in columns.items():
        if values is not None:
            tensors[name] = _bytes(values) if values.dtype.kind == "U" else values
    save_file(tensors, path)


def _bytes(values: NDArray[np.str_]) -> NDArray[np.uint8]:
    encoded = np.char.encode(values, "utf-8")
    if not encoded.dtype.itemsize:
        encoded = encoded.astype("S1")
    return np.ascontiguousarray(encoded).view(np.uint8).reshape(len(values), -1)
