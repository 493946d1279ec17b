"""Fitted closers as safetensors files: arrays, and in the header what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..files import atomic_write

if TYPE_CHECKING:
    from .base import Closer

FORMAT = "isthmus-closer"
VERSION = "1"


def write_closer(path: Path | str, closer: Closer) -> None:
    """Write a fitted closer."""
    from safetensors.numpy import save_file

    arrays = {name: np.ascontiguousarray(array) for name, array in closer.state().items()}
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "kind": closer.kind,
        "parameters": json.dumps(closer.parameters()),
        "modalities": json.dumps(closer.names),
    }
    with atomic_write(path) as temporary:
        save_file(arrays, temporary, metadata=metadata)


def load_closer(path: Path | str) -> Closer:
    """Read a closer that `save` wrote.

    Raises
    ------
    InputError
        The file is missing, damaged, not a closer, or of a kind or version that this version
        of Isthmus lacks.
    """
    from safetensors import SafetensorError, safe_open

    from . import KINDS

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise InputError(f"{path} is a safetensors file but not a closer saved by Isthmus")
            if metadata.get("version") != VERSION:
                raise InputError(
                    f"{path} is a closer in format {metadata.get('version')}; this version of "
                    f"Isthmus reads format {VERSION}: fit it again"
                )
            kind = metadata.get("kind", "")
            if kind not in KINDS:
                known = ", ".join(KINDS)
                raise InputError(f"{path} holds a closer of kind '{kind}'; known are {known}")
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, TypeError, SafetensorError) as error:  # TypeError: a dtype numpy lacks
        raise InputError(f"cannot read the closer {path}: {error}") from error
    try:
        names = _read(metadata, "modalities", list)
        if not names or not all(isinstance(name, str) for name in names):
            raise InputError("its modalities are not a list of names")
        closer = _make(KINDS[kind], _read(metadata, "parameters", dict))
        closer.load_state(state, tuple(names))
    except InputError as error:
        raise InputError(f"{path} is damaged: {error}") from error
    return closer


def _read(metadata: dict[str, str], key: str, wanted: type) -> Any:
    try:
        value = json.loads(metadata.get(key, ""))
    except (ValueError, RecursionError) as error:
        raise InputError(f"its {key} cannot be read") from error
    if not isinstance(value, wanted):
        raise InputError(f"its {key} cannot be read")
    return value


def _make(kind: type[Closer], parameters: dict[str, Any]) -> Closer:
    try:
        return kind(**parameters)
    except (TypeError, ValueError) as error:
        raise InputError(f"its parameters do not fit '{kind.kind}': {error}") from error
