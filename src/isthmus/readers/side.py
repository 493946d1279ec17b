"""Values per row that lie beside the modalities: ids, labels, attributes, scales."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .formats import COLUMNS
from .lazy import Arrays, Stored

GROUPS = ".groups"
LABELS = ".labels"
SCALE = ".scale"


def read_columns(
    arrays: Arrays, names: Sequence[str], ending: str, given: Sequence[str]
) -> dict[str, NDArray[Any]] | None:
    """One column per modality from the options, or from beside the arrays, or none."""
    found = {n: np.asarray(arrays[n + ending]) for n in names if n + ending in arrays}
    for option in given:
        name, separator, value = option.partition("=")
        if not separator or option in arrays:
            found = dict.fromkeys(names, read_column(arrays, option))
        elif name not in names:
            raise InputError(f"no modality '{name}'; there are {', '.join(names)}")
        else:
            found[name] = read_column(arrays, value)
    return found or None


def read_column(arrays: Arrays, value: str) -> NDArray[Any]:
    """An array of the source by name, or FILE, or FILE:COLUMN."""
    if value in arrays:
        return np.asarray(arrays[value])
    path, column = find_column(value)
    if path is None:
        raise InputError(
            f"'{value}' is neither an array of the source ({', '.join(arrays)}) "
            f"nor a {', '.join(COLUMNS)} file, or FILE:COLUMN"
        )
    return np.asarray(pick(path, column, lambda stored: not stored.is_matrix).read())


def find_column(value: str) -> tuple[Path | None, str | None]:
    """(file, column) of FILE or FILE:COLUMN; no file if the ending is not a known one."""
    if Path(value).suffix in COLUMNS:
        return Path(value), None
    for position, character in enumerate(value):
        if character == ":" and Path(value[:position]).suffix in COLUMNS:
            return Path(value[:position]), value[position + 1 :]
    return None, None


def pick(path: Path, column: str | None, fits: Any) -> Stored:
    """One array of a file: the one named, or the only one, or the only one that fits."""
    side = COLUMNS[path.suffix](path)
    if column is not None:
        if column not in side:
            raise InputError(f"{path} has no column '{column}'; there are {', '.join(side)}")
        return side.stored(column)
    names = list(side)
    if len(names) > 1:
        names = [name for name in names if fits(side.stored(name))]
    if len(names) != 1:
        raise InputError(
            f"{path} must have one column, or be given as FILE:COLUMN; "
            f"found {', '.join(side) or 'none'}"
        )
    return side.stored(names[0])
