"""Columns of one value per row (labels, group ids) from npy, txt and csv files."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .npy import read_npy

ENDINGS = (".npy", ".txt", ".csv")


def read_column(path: Path) -> NDArray[Any]:
    """One value per row: a 1-D npy; a txt with a line per row; or a csv with one column."""
    if path.suffix == ".npy":
        return np.asarray(read_npy(path))
    if path.suffix not in ENDINGS:
        raise InputError(f"{path}: one value per row is read from {', '.join(ENDINGS)} files")
    try:
        text = path.read_text(encoding="utf-8-sig")  # a byte order mark is no part of a value
    except FileNotFoundError:
        raise InputError(f"no such file: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    lines = text.splitlines()
    if path.suffix == ".txt":
        return _numbers_if_all(lines)
    rows = [row for row in csv.reader(lines) if row]
    if any(len(row) != 1 for row in rows):
        widest = max(len(row) for row in rows)
        raise InputError(f"{path} must have one column and a header line; found {widest} columns")
    return _numbers_if_all([row[0] for row in rows[1:]])


def _numbers_if_all(values: list[str]) -> NDArray[Any]:
    try:
        return np.array([int(value) for value in values])
    except ValueError:
        return np.array(values)
