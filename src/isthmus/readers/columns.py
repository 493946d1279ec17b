"""Columns of one value per row (labels, group ids) from txt, csv, tsv and json files."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .guard import reading
from .lazy import Arrays, Stored
from .values import strings

_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)


def open_txt(path: Path) -> Arrays:
    """The lines of a text file, as one column under the name of the file."""
    with reading(path, "text"):
        lines = [line.rstrip("\n") for line in io.StringIO(_text(path), newline=None)]
    return _columns(path, {path.stem: lines})


def open_csv(path: Path) -> Arrays:
    """The columns of a csv file (tsv: with tabs) by the names in its first line."""
    with reading(path, "csv"):
        text = io.StringIO(_text(path), newline="")
        rows = csv.reader(text, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
        names = next(rows, [])
        columns: list[list[str]] = [[] for _ in names]
        for row in rows:
            if not row:
                continue
            if len(row) != len(names):
                raise ValueError(
                    f"line {rows.line_num} has {len(row)} columns, the first has {len(names)}"
                )
            for column, value in zip(columns, row, strict=True):
                column.append(value)
        if len(set(names)) < len(names):
            raise ValueError("two of its columns have one name")
    return _columns(path, dict(zip(names, columns, strict=True)) or {path.stem: []})


def open_json(path: Path) -> Arrays:
    """The columns of a JSON file: a list, an object of lists, or a list of objects."""
    with reading(path, "JSON"):
        content = json.loads(_text(path))
        if isinstance(content, list) and content and isinstance(content[0], dict):
            names = list(content[0])
            if not all(isinstance(row, dict) and list(row) == names for row in content):
                raise ValueError("its objects have different keys")
            content = {name: [row[name] for row in content] for name in names}
        elif isinstance(content, list):
            content = {path.stem: content}
        if not (isinstance(content, dict) and all(isinstance(v, list) for v in content.values())):
            raise ValueError("it must be a list, an object of lists, or a list of objects")
    return _columns(path, content)


def _text(path: Path) -> str:
    if not path.exists():
        raise InputError(f"no such file: {path}")
    return path.read_bytes().decode("utf-8-sig")  # a byte order mark is no part of a value


def _columns(path: Path, columns: Mapping[str, Sequence[Any]]) -> Arrays:
    def describe(name: str) -> Stored:
        return Stored(False, f"{len(columns[name])} values", partial(read, name))

    def read(name: str) -> NDArray[Any]:
        where = f"{path}[{name}]" if len(columns) > 1 else str(path)
        with reading(where, "a column"):
            return _array(where, columns[name], path.stat().st_size)

    return Arrays(columns, describe)


def _array(where: str, values: Sequence[Any], stored: int) -> NDArray[Any]:
    """Integers if all values are, or read as, whole numbers; else strings, floats or truths."""
    kinds = {type(value) for value in values}
    if kinds <= {str}:
        if all(_WHOLE.fullmatch(value) for value in values):
            return np.array([int(value) for value in values])
        return strings(where, values, stored)
    if kinds <= {int, float} or kinds == {bool}:
        return np.array(values)
    found = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise InputError(f"{where} must hold values of one kind, strings or numbers; found {found}")
