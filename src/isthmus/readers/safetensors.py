"""safetensors files, memory-mapped: a JSON header, then the values of every tensor in a row."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .guard import check_file, reading
from .lazy import Arrays, Stored
from .values import converted, from_bfloat16

TEXT_ENDINGS = (".groups", ".labels")
"""Tensors so named that are 2-D and of bytes hold strings, UTF-8 padded with zeros."""

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "BOOL": "|b1",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
}
_LONGEST_HEADER = 100_000_000  # the limit that the format sets


class _Tensor(NamedTuple):
    kind: str
    shape: tuple[int, ...]
    start: int  # position in the file
    end: int


def open_safetensors(path: Path) -> Arrays:
    """The tensors of a safetensors file by name, each memory-mapped (bfloat16: converted).

    Raises
    ------
    InputError
        Missing, truncated, or with a header whose tensors do not fill the file exactly.
    """
    check_file(path)
    with reading(path, "a safetensors file"):
        tensors = _tensors(path)
    return Arrays(tensors, lambda name: _stored(path, name, tensors[name]))


def _tensors(path: Path) -> dict[str, _Tensor]:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(size - 8, _LONGEST_HEADER):
            raise ValueError(f"no header of {length} bytes fits a file of {size}")
        header = json.loads(file.read(length), object_pairs_hook=_unique)
    header.pop("__metadata__", None)
    tensors = {name: _tensor(8 + length, **entry) for name, entry in header.items()}
    position = 8 + length
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1][2:]):
        if tensor.start != position or tensor.end < position:
            raise ValueError(f"tensor '{name}' does not begin where the one before it ends")
        position = tensor.end
    if position != size:
        raise ValueError(f"its tensors end at byte {position} of {size}")
    return tensors


def _tensor(values: int, *, dtype: str, shape: list[int], data_offsets: list[int]) -> _Tensor:
    start, end = data_offsets
    if not all(type(number) is int and number >= 0 for number in (*shape, start, end)):
        raise ValueError("shapes and offsets must be whole numbers from 0")
    if dtype in _DTYPES and end - start != np.dtype(_DTYPES[dtype]).itemsize * math.prod(shape):
        raise ValueError(f"{end - start} bytes do not hold shape {tuple(shape)} of {dtype}")
    return _Tensor(str(dtype), tuple(shape), values + start, values + end)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name occurs twice in its header")
    return dict(pairs)


def _stored(path: Path, name: str, tensor: _Tensor) -> Stored:
    read = partial(_read, path, name, tensor)
    if tensor.kind not in _DTYPES:
        return Stored(False, f"shape {tensor.shape} of {tensor.kind}", read)
    dtype = np.dtype("f4" if tensor.kind == "BF16" else _DTYPES[tensor.kind])
    return Stored.of(tensor.shape, dtype, read)


def _read(path: Path, name: str, tensor: _Tensor) -> NDArray[Any]:
    if tensor.kind not in _DTYPES:
        raise InputError(f"{path}[{name}] has dtype {tensor.kind}; known are {', '.join(_DTYPES)}")
    dtype = np.dtype(_DTYPES[tensor.kind])
    with reading(f"{path}[{name}]", "a tensor"):
        if tensor.end == tensor.start:
            return np.empty(tensor.shape, dtype)
        array = np.memmap(path, dtype, mode="r", offset=tensor.start, shape=tensor.shape)
        if tensor.kind == "BF16":
            return converted(array, f"{path}[{name}]", np.dtype("f4"), from_bfloat16)
        if tensor.kind == "U8" and array.ndim == 2 and name.endswith(TEXT_ENDINGS):
            return _text(array)
        return array


def _text(array: NDArray[np.uint8]) -> NDArray[np.str_]:
    rows, width = array.shape
    padded = np.ascontiguousarray(array).view(f"S{width}").reshape(rows)
    return np.char.decode(padded, "utf-8")
