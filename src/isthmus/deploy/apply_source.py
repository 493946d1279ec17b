"""Which files a source consists of, and whether they have changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ..readers.side import find_column

Files = dict[str, list[int]]
"""Path → size in bytes and time of the last change in nanoseconds."""


def source_files(source: Sequence[str | Path], options: Iterable[str], *, out: Path) -> Files:
    """The files that a source and the files of its ids and labels consist of.

    Hidden files are left out, and those in `out` where it lies within the source.
    """
    found: Files = {}
    inside = out.resolve()
    for path in [_path(part) for part in source] + [_path(option) for option in options]:
        if path is None or not path.exists():
            continue  # readers say so, or it is the name of a column
        root = path.resolve()
        files = sorted(root.rglob("*")) if root.is_dir() else [root]
        for file in files:
            hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
            own = inside != root and inside.is_relative_to(root) and file.is_relative_to(inside)
            if file.is_file() and not hidden and not own:
                status = file.stat()
                found[str(file)] = [status.st_size, status.st_mtime_ns]
    return found


def _path(part: str | Path) -> Path | None:
    """The path in PATH, PATH:COLUMN, NAME=PATH or NAME=PATH:COLUMN."""
    text = str(part)
    values = [text, text.partition("=")[2]] if "=" in text else [text]
    for value in values:
        if value and Path(value).exists():
            return Path(value)
    return next((path for path, _ in map(find_column, values) if path and path.exists()), None)
