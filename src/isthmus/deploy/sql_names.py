"""Names, text and numbers as PostgreSQL reads them, so that none can be taken for code."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

_LONGEST = 63  # bytes; PostgreSQL cuts longer names off without an error


def identifier(name: str, schema: str | None = None) -> str:
    """A quoted name, taken as it is; in a schema, where one is given.

    Raises
    ------
    InputError
        Empty, of more than 63 bytes, or with characters that do not print.

    Examples
    --------
    >>> print(identifier('my "table"', "public"))
    "public"."my ""table\"""
    """
    if schema is not None:
        return f"{identifier(schema)}.{identifier(name)}"
    _check_text(name)
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise InputError(f"the name {name!r} holds control characters; choose another")
    if not 0 < len(name.encode()) <= _LONGEST:
        raise InputError(
            f"PostgreSQL's names have 1 to {_LONGEST} bytes; found {len(name.encode())}: {name!r}"
        )
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    r"""Quoted text.

    >>> print(literal("it's"), literal("a\\b"))
    'it''s'  E'a\\b'
    """
    _check_text(text)
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f" E{quoted}" if "\\" in text else quoted  # the same whatever the server's settings


def block(body: str) -> str:
    """A block of plpgsql, in dollar quotes that do not occur in it."""
    tag = "$isthmus$"
    while tag in body:
        tag = f"{tag[:-1]}_$"
    return f"{tag}\n{body}\n{tag}"


def vector(values: NDArray[np.float64]) -> str:
    """A vector's text, with the digits that single precision needs to be read back exactly.

    >>> vector(np.array([0.1, -2.0]))
    '[0.100000001,-2]'
    """
    return f"[{','.join(f'{value:.9g}' for value in values.astype(np.float32).tolist())}]"


def vectors(rows: Iterable[NDArray[np.float64]]) -> str:
    """The text of an array of vectors."""
    quoted = ",".join(f'"{vector(row)}"' for row in rows)
    return f"{{{quoted}}}"


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{text!r} is no valid Unicode text: {error.reason}") from error
    if "\0" in text:
        raise InputError(f"PostgreSQL's text cannot hold a null character; found {text!r}")
