"""The files of MultiBench: a pickle as it is given out, or the same arrays as npz."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..readers.npz import open_npz
from .root import data_root
from .safe_pickle import read_pickle


def find_file(name: str, files: Sequence[str], root: Path | str | None, *, get: str) -> Path:
    """The first of these files that is in ROOT/NAME/; `get` says where they are to be had."""
    folder = data_root(root) / name
    for file in files:
        if (folder / file).exists():
            return folder / file
    raise InputError(f"{folder} holds no {' or '.join(files)}: {get}")


def read_tree(path: Path) -> Mapping[str, Any]:
    """What a pickle or an npz file holds; what is nested in a pickle has names such as A/B."""
    if path.suffix == ".npz":
        return open_npz(path)
    tree = read_pickle(path)
    if not isinstance(tree, dict):
        raise InputError(f"{path} holds a {type(tree).__name__}, expected a dict of arrays")
    return _flat(tree)


def _flat(tree: Mapping[Any, Any], at: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= _flat(value, f"{at}{name}/") if isinstance(value, dict) else {f"{at}{name}": value}
    return found


def numbers(
    tree: Mapping[str, Any], key: str, path: Path, *, axes: int | None = None
) -> NDArray[Any]:
    """An array of numbers by its name; with `axes`, of so many."""
    if key not in tree:
        raise InputError(f"{path} has no '{key}'; it has {', '.join(list(tree)[:20]) or 'nothing'}")
    try:
        found = np.asarray(tree[key])
        if found.dtype.kind == "O":  # of numbers, perhaps
            found = found.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: '{key}' is no array of numbers") from error
    if found.dtype.kind not in "biuf" or (axes is not None and found.ndim != axes):
        wanted = "an array of numbers" + (f" with {axes} axes" if axes else "")
        raise InputError(
            f"{path}: '{key}' must be {wanted}; found shape {found.shape} of {found.dtype}"
        )
    return found
