"""Files of `torch.save`: a dictionary from names to tensors, and nothing that runs code."""

from __future__ import annotations

import importlib
import pickletools
import re
import sys
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, missing
from .guard import check_file, reading
from .lazy import Arrays, Stored
from .mapping import map_file, member_start, part_of
from .values import converted, from_bfloat16, strings

_HARMLESS = re.compile(
    r"collections OrderedDict"
    r"|torch\._utils _rebuild_(tensor_v2|tensor_v3|parameter)"
    r"|torch(\.storage)? \w+Storage"
    r"|torch (bfloat16|u?int\d+|float\d+|bool)"
)
"""The names that a pickle of plain tensors looks up."""

_LOOK_UPS = ("GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4")
_LONGEST_PICKLE = 64 * 2**20


def open_torch(path: Path) -> Arrays:
    """The tensors of a dictionary saved with `torch.save`, memory-mapped (bfloat16: converted).

    Lists of strings or integers are columns. Loaded with `weights_only=True`, and before that
    refused if its pickle names anything but tensors and their storages. Needs torch.
    """
    check_file(path)
    try:
        torch = importlib.import_module("torch")  # a layer that may not import it for itself
    except ImportError as error:
        raise missing("torch", extra="train") from error
    with reading(path, "a torch file"):
        _check_pickle(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    if not isinstance(content, dict):
        raise InputError(
            f"{path} must hold a dictionary of tensors; found a {type(content).__name__}: "
            "torch.save({'image': image, 'text': text}, path)"
        )
    found = {name: value for name, value in content.items() if isinstance(name, str)}
    with reading(path, "a torch file"):
        address = _address(path, [x for x in found.values() if _is_plain(torch, x)])
    return Arrays(found, lambda name: _stored(torch, path, name, found[name], address))


def _is_plain(torch: Any, value: Any) -> bool:
    return bool(
        torch.is_tensor(value) and value.layout == torch.strided and value.device.type == "cpu"
    )


def _address(path: Path, tensors: list[Any]) -> int | None:
    """Where torch has mapped the file; None if that cannot be told.

    Each tensor's storage lies at that address and the offset of one of the archive's members, a
    member of the storage's length: only one address fits all tensors, unless some are missing.
    """
    offsets: dict[int, list[int]] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            offsets.setdefault(member.file_size, []).append(member_start(path, member))
            order = archive.read(member) if member.filename.endswith("/byteorder") else b""
            if order and order.decode() != sys.byteorder:
                return None  # torch has changed the values that it mapped
    fitting = [
        {storage.data_ptr() - offset for offset in offsets.get(storage.nbytes(), [])}
        for storage in (tensor.untyped_storage() for tensor in tensors)
        if storage.nbytes()
    ]
    addresses = set.intersection(*fitting) if fitting else set()
    return addresses.pop() if len(addresses) == 1 else None


def _check_pickle(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} is no file of torch.save in its present form (a zip archive); older forms "
            "cannot be memory-mapped: load it where you trust it, and save it again"
        )
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(m.compress_type or m.file_size != m.compress_size for m in members):
            raise ValueError("its members are compressed, which torch.save never does")
        (member,) = [m for m in members if m.filename.rsplit("/", 1)[-1] == "data.pkl"]
        if member.file_size > _LONGEST_PICKLE:
            raise ValueError(f"its dictionary takes {member.file_size:,} bytes without the tensors")
        pickle = archive.read(member)
    for operation, argument, _ in pickletools.genops(pickle):
        if operation.name not in _LOOK_UPS:
            continue
        if operation.name != "GLOBAL" or not _HARMLESS.fullmatch(str(argument)):
            raise InputError(
                f"{path} holds pickled objects ({argument or operation.name}), which could run "
                "code and are never loaded; save a dictionary of plain tensors"
            )


def _stored(torch: Any, path: Path, name: str, value: Any, address: int | None) -> Stored:
    read = partial(_read, torch, path, name, value, address)
    if not torch.is_tensor(value):
        return Stored(False, f"a {type(value).__name__}", read)
    is_real = value.layout == torch.strided and not (value.is_complex() or value.is_quantized)
    is_plain = is_real and value.dtype != torch.bool
    return Stored(
        value.ndim == 2 and is_plain and value.device.type == "cpu",
        f"shape {tuple(value.shape)} of {value.dtype}",
        read,
    )


def _read(torch: Any, path: Path, name: str, value: Any, address: int | None) -> NDArray[Any]:
    where = f"{path}[{name}]"
    with reading(where, "a tensor"):
        if isinstance(value, list):
            if value and all(isinstance(item, str) for item in value):
                return strings(where, value, path.stat().st_size)
            if all(type(item) is int for item in value):
                return np.array(value)
        if not torch.is_tensor(value):
            raise TypeError(f"found a {type(value).__name__}")
        tensor = value.detach()
        held = tensor.untyped_storage().nbytes()
        if tensor.numel() * tensor.element_size() > held:
            raise ValueError(f"shape {tuple(tensor.shape)} is more than its {held} bytes hold")
        is_half = tensor.dtype == torch.bfloat16
        values = (tensor.view(torch.int16) if is_half else tensor).numpy()
        if address is not None:
            mapped = part_of(map_file(path), values, address=address)
            values = values if mapped is None else mapped
        if is_half:
            return converted(values.view(np.uint16), where, np.dtype(np.float32), from_bfloat16)
        return np.asanyarray(values)
