"""What stands between a hostile file and the process: one error, and no unbacked allocation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError

SPARE_BYTES = 64 * 2**20
"""A file of any size may ask for this much memory."""

EXPANSION = 256
"""Beyond `SPARE_BYTES`, a file may ask for this many times its own size."""

_LONGEST = 300  # characters of a library's message that are passed on


@contextmanager
def reading(where: Path | str, kind: str) -> Iterator[None]:
    """Whatever a library raises on a damaged file becomes one InputError that names the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:
        reason = one_line(error) or type(error).__name__
        raise InputError(f"cannot read {where} as {kind}: {reason}") from error


def one_line(text: object) -> str:
    """The text with whitespace and unprintable characters as spaces, cut where it grows long."""
    printable = "".join(c if c.isprintable() else " " for c in str(text)[: 4 * _LONGEST])
    line = " ".join(printable.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + " …"


def check_backed(where: Path | str, claimed: int, stored: int) -> None:
    """An error if values of `claimed` bytes are out of proportion to `stored` bytes on disk."""
    if not 0 <= claimed <= max(SPARE_BYTES, EXPANSION * stored):
        raise InputError(
            f"{where} announces {claimed:,} bytes of values in {stored:,} bytes on disk, more "
            f"than {EXPANSION} times its size; it is damaged, or must be written uncompressed"
        )


def check_file(path: Path) -> None:
    """An error unless the path is a file."""
    if not path.exists():
        raise InputError(f"no such file: {path}")
    if not path.is_file():
        raise InputError(f"{path} is not a file")


def pickled(where: Path | str) -> InputError:
    """The refusal of a file that could run code."""
    return InputError(
        f"{where} holds pickled objects, which could run code and are never loaded; "
        "save a plain numeric array: np.save(path, array.astype('float32'))"
    )
