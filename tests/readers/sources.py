"""The same small space in every format that is read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.numpy import save_file

Arrays = dict[str, Any]

IMAGE, TEXT = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
IDS = np.array(["a", "b", "c", "d"])
CLASSES = np.array([0, 1, 0, 1])
SPACE: Arrays = {"image": IMAGE, "text": TEXT, "id": IDS, "class": CLASSES}


def lists(rows: Any, *, fixed: bool = True) -> Any:
    rows = np.asarray(rows)
    values = pa.array(rows.reshape(-1))
    if fixed:
        return pa.FixedSizeListArray.from_arrays(values, rows.shape[1])
    offsets = pa.array(np.arange(len(rows) + 1) * rows.shape[1], pa.int32())
    return pa.ListArray.from_arrays(offsets, values)


def table(arrays: Arrays, *, fixed: bool = True) -> Any:
    columns = {
        name: array
        if isinstance(array, pa.Array)
        else lists(array, fixed=fixed)
        if np.ndim(array) == 2
        else pa.array(array)
        for name, array in arrays.items()
    }
    return pa.table(columns)


def write_npz(path: Path, arrays: Arrays) -> None:
    np.savez(path, **arrays)


def write_compressed_npz(path: Path, arrays: Arrays) -> None:
    np.savez_compressed(path, **arrays)


def write_parquet(path: Path, arrays: Arrays) -> None:
    content = table(arrays)
    pq.write_table(content, path, row_group_size=max(3, len(content) // 3))


def write_plain_parquet(path: Path, arrays: Arrays) -> None:
    content = table(arrays, fixed=False)
    pq.write_table(content, path, use_dictionary=False, compression="none", store_schema=False)


def write_arrow(path: Path, arrays: Arrays) -> None:
    content = table(arrays)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, content.schema) as writer:
        writer.write_table(content, max_chunksize=max(3, len(content) // 3))


def write_stream(path: Path, arrays: Arrays) -> None:
    content = table(arrays, fixed=False)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, content.schema) as writer:
        writer.write_table(content, max_chunksize=3)


def write_feather(path: Path, arrays: Arrays) -> None:
    import pyarrow.feather as feather

    feather.write_feather(table(arrays), str(path), compression="zstd")


def write_tensors(path: Path, arrays: Arrays) -> None:
    save_file(
        {n: np.asarray(a) for n, a in arrays.items() if np.asarray(a).dtype.kind != "U"}, path
    )


def write_torch(path: Path, arrays: Arrays) -> None:
    content = {
        name: array.tolist() if array.dtype.kind == "U" else torch.from_numpy(array.copy())
        for name, array in arrays.items()
    }
    torch.save(content, path)


def write_folder(path: Path, arrays: Arrays) -> None:
    path.mkdir()
    for name, array in arrays.items():
        np.save(path / f"{name}.npy", array)


def write_clip_retrieval(path: Path, arrays: Arrays) -> None:
    columns = {name: array for name, array in arrays.items() if np.ndim(array) == 1}
    for number, part in enumerate((slice(0, 3), slice(3, None))):
        for name, folder in (("image", "img_emb"), ("text", "text_emb")):
            (path / folder).mkdir(parents=True, exist_ok=True)
            np.save(path / folder / f"{folder}_{number}.npy", arrays[name][part])
        (path / "metadata").mkdir(exist_ok=True)
        some = table({name: array[part] for name, array in columns.items()})
        pq.write_table(some, path / "metadata" / f"metadata_{number}.parquet")


def write_hugging_face(path: Path, arrays: Arrays) -> None:
    """The layout of `Dataset.save_to_disk`, in two files."""
    path.mkdir()
    files = ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"]
    for file, part in zip(files, (slice(0, 3), slice(3, None)), strict=True):
        write_stream(path / file, {name: array[part] for name, array in arrays.items()})
    state = {"_data_files": [{"filename": file} for file in files], "_split": None}
    (path / "state.json").write_text(json.dumps(state))
    (path / "dataset_info.json").write_text("{}")


Write = Callable[[Path, Arrays], None]

FILES: dict[str, tuple[str, Write]] = {
    "npz": ("space.npz", write_npz),
    "compressed npz": ("space.npz", write_compressed_npz),
    "parquet": ("space.parquet", write_parquet),
    "plain parquet": ("space.parquet", write_plain_parquet),
    "arrow": ("space.arrow", write_arrow),
    "arrow stream": ("space.arrow", write_stream),
    "feather": ("space.feather", write_feather),
    "safetensors": ("space.safetensors", write_tensors),
    "torch": ("space.pt", write_torch),
}
FOLDERS: dict[str, tuple[str, Write]] = {
    "npy folder": ("space", write_folder),
    "clip-retrieval": ("space", write_clip_retrieval),
    "Hugging Face": ("space", write_hugging_face),
}
FORMATS = {**FILES, **FOLDERS}


def write(path: Path, kind: str, arrays: Arrays = SPACE) -> Path:
    """The arrays in a format of `FORMATS`, under the folder `path`."""
    name, function = FORMATS[kind]
    function(path / name, arrays)
    return path / name


GROWTH = """
import sys
from pathlib import Path
from isthmus.readers import read_embeddings, spool
import pyarrow.parquet

def peak():
    # ru_maxrss would be the parent's where that was larger
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x]
    return int(line.split()[1]) * 1024

spool.MEMORY_BYTES = int(sys.argv[2])
before = peak()
space = read_embeddings(sys.argv[1])
print(peak() - before, sum(x.nbytes for x in space.arrays.values()))
"""


def growth(path: Path, *, limit: int) -> tuple[int, int]:
    """(bytes that a process grows by when it reads a space, bytes of its arrays), on Linux."""
    result = subprocess.run(
        [sys.executable, "-c", GROWTH, str(path), str(limit)],
        capture_output=True,
        text=True,
        check=True,
    )
    grown, whole = map(int, result.stdout.split())
    return grown, whole
