"""Fitted closers as safetensors files: arrays, and in the header what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..files import load_arrays, save_arrays

if TYPE_CHECKING:
    from .base import Closer

FORMAT = "isthmus-closer"


def write_closer(path: Path | str, closer: Closer) -> None:
    """Write a fitted closer."""
    save_arrays(
        path,
        closer.state(),
        form=FORMAT,
        kind=closer.kind,
        parameters=json.dumps(closer.parameters()),
        modalities=json.dumps(closer.names),
    )


def load_closer(path: Path | str) -> Closer:
    """Read a closer that `save` wrote.

    Raises
    ------
    InputError
        The file is missing, damaged, not a closer, or of a kind or version that this version
        of Isthmus lacks.
    """
    from . import KINDS

    metadata, state = load_arrays(path, form=FORMAT, what="a closer")
    kind = metadata.get("kind", "")
    if kind not in KINDS:
        raise InputError(f"{path} holds a closer of kind '{kind}'; known are {', '.join(KINDS)}")
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
