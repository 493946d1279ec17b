"""Hugging Face datasets saved to disk (`save_to_disk`): Arrow files that `state.json` lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import InputError
from .arrow import open_arrow_files
from .guard import check_file, reading
from .lazy import Arrays

_STATE = "state.json"
_SPLITS = "dataset_dict.json"


def is_hugging_face(folder: Path) -> bool:
    """Whether `load_from_disk` made the folder: one dataset, or several splits."""
    return (folder / _STATE).is_file() or (folder / _SPLITS).is_file()


def is_split(folder: Path) -> bool:
    """Whether the folder holds splits, each a saved dataset of its own."""
    return (folder / _SPLITS).is_file() and not (folder / _STATE).is_file()


def open_hugging_face(folder: Path) -> Arrays:
    """The columns of a saved dataset by name, read as Arrow files are; no `datasets` needed.

    A folder of several splits is refused with the splits named; each is a source itself.
    """
    if is_split(folder):
        splits = _json(folder / _SPLITS).get("splits")
        if not (isinstance(splits, list) and all(isinstance(name, str) for name in splits)):
            raise InputError(f"{folder / _SPLITS} does not list the splits of a dataset")
        if len(splits) != 1:
            raise InputError(
                f"{folder} holds the splits {', '.join(splits)}; name one: {folder}/SPLIT"
            )
        return open_hugging_face(folder / _plain_name(folder / _SPLITS, splits[0]))
    state = _json(folder / _STATE)
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise InputError(f"{folder} has an index over its rows; save dataset.flatten_indices()")
    files = state.get("_data_files")
    if not (isinstance(files, list) and files and all(isinstance(f, dict) for f in files)):
        raise InputError(f"{folder / _STATE} does not list the files of a dataset")
    names = [_plain_name(folder / _STATE, file.get("filename")) for file in files]
    return open_arrow_files([folder / name for name in names])


def _json(path: Path) -> dict[str, Any]:
    check_file(path)
    with reading(path, "JSON"):
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict):
            raise TypeError(f"found a {type(content).__name__} in place of an object")
        return content


def _plain_name(where: Path, name: object) -> str:
    """The name, if it names something in the folder itself."""
    if not isinstance(name, str) or name in ("", "..") or "\0" in name or Path(name).name != name:
        raise InputError(f"{where} names the file {name!r}, which is not one of its folder")
    return name
