"""Sources on disk to `Embeddings`.

A source is a folder or a file in one of the layouts of `formats`, or several `NAME=FILE`.
Group ids and labels lie beside the arrays as `NAME.groups` and `NAME.labels`, or are named by
the caller. Integers with a scale beside them (`NAME.scale`) are quantised rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..embeddings import Embeddings
from ..errors import InputError
from ..progress import steps
from .formats import COLUMNS, is_source, open_source
from .guard import one_line
from .lazy import Arrays, Stored
from .long_table import by_modality
from .npy import stored_npy
from .side import GROUPS, LABELS, SCALE, find_column, pick, read_column, read_columns
from .values import scaled

_TRUE, _FALSE = ("true", "1"), ("false", "0")


def read_embeddings(
    *source: str | Path,
    modalities: Sequence[str] | None = None,
    groups: Sequence[str] = (),
    labels: Sequence[str] = (),
    attributes: Sequence[str] = (),
) -> Embeddings:
    """Read one set of embeddings.

    Parameters
    ----------
    source:
        One of

        - a folder with one `NAME.npy` per modality, `.safetensors`, `.npz`, or `.pt` with a
          dictionary of tensors: memory-mapped (a compressed `.npz`: copied);
        - `.parquet`, `.arrow` or `.feather` with a column of lists per modality, a dataset of
          Hugging Face saved to disk, a LanceDB table (`NAME.lance`): copied batch by batch
          into one array per modality, in its own dtype (memory-mapped where it lies in an
          Arrow file in one uncompressed batch); or with a row for every item, in columns
          `modality`, `vector` and, as they may be, `id` (group ids) and `label`;
        - a folder of clip-retrieval (`img_emb`, `text_emb`, `metadata`): memory-mapped where
          there is one shard, else copied shard by shard;
        - or, for each modality, `NAME=FILE` (`NAME=FILE:COLUMN` where it holds several).

        What is copied, and takes more than 256 MiB, lies in a temporary file without a name:
        memory stays bounded, and `TMPDIR` names the folder, which needs that much space.
        bfloat16 becomes single precision, exactly. Where `NAME.scale` lies beside `NAME`, the
        rows are `NAME * NAME.scale`: a scale per row (or one for all) must be positive and
        changes no direction, so the rows are left as they are; a scale per dimension is
        applied, into single precision, when the modality is read.
    modalities:
        The arrays to take as modalities; every 2-D numeric array if not given.
    groups, labels:
        Files (npy, txt, csv, json, parquet, …), `FILE:COLUMN` for a file of several columns,
        or names of arrays or columns in the source: each for all modalities, or for one where
        written `NAME=…`. Without them, `NAME.groups` and `NAME.labels` beside the arrays are
        used where present.
    attributes:
        Boolean columns, named as labels are, of modalities with equally many rows: see
        `read_attributes`.

    Raises
    ------
    InputError
        In one line that names the source and what is wrong with it; also where the temporary
        folder lacks the space.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/space.npz", image=np.eye(3), text=np.eye(3), label=[0, 1, 1])
    ...     read_embeddings(f"{folder}/space.npz", labels=["label"])
    Embeddings(image: 3 x 3, text: 3 x 3, 3 groups)
    """
    raw = read_raw(*source, modalities=modalities, groups=groups, labels=labels)
    named = read_attributes(*source, attributes=attributes) if attributes else None
    with named_source(source), np.errstate(invalid="ignore", over="ignore"):  # rows are named
        return Embeddings(raw.arrays, groups=raw.groups, labels=raw.labels, attributes=named)


class Raw(NamedTuple):
    """What a source holds, before `Embeddings` has checked it."""

    arrays: dict[str, NDArray[Any]]
    """Name → rows."""
    groups: dict[str, NDArray[Any]] | None
    """Name → group ids, where there are any; some modalities may lack them."""
    labels: dict[str, NDArray[Any]] | None
    """Name → classes, likewise."""


def read_raw(
    *source: str | Path,
    modalities: Sequence[str] | None = None,
    groups: Sequence[str] = (),
    labels: Sequence[str] = (),
    fewest: int = 2,
) -> Raw:
    """What `read_embeddings` reads, unchecked; at least `fewest` modalities, unless chosen."""
    with named_source(source):
        arrays = _open(source)
        names = _choose(arrays, modalities, fewest)
        rows = {}
        with steps(dict.fromkeys(names, 1)) as step:
            for name in names:
                with step(name):
                    rows[name] = _modality(arrays, name)
        return Raw(
            rows,
            read_columns(arrays, names, GROUPS, groups),
            read_columns(arrays, names, LABELS, labels),
        )


def read_sets(*source: str | Path, **options: Any) -> dict[str, Embeddings]:
    """Read one set of embeddings, or all sets in a folder of folders, by name."""
    if len(source) == 1 and Path(source[0]).is_dir():
        folder = Path(source[0])
        inner = sorted(path for path in folder.iterdir() if path.is_dir() and is_source(path))
        if inner and not is_source(folder):
            return {path.name: read_embeddings(path, **options) for path in inner}
    return {_name(source): read_embeddings(*source, **options)}


def read_attributes(*source: str | Path, attributes: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
    """Boolean attributes of the rows, (N,) each, by name.

    Each is named as `labels` are in `read_embeddings`: an array or column of the source, FILE
    or FILE:COLUMN. Truths, the numbers 0 and 1, and the words true and false are read.

    Raises
    ------
    InputError
        A column that is missing, of more than one axis, or holds anything else.
    """
    found = {}
    with named_source(source):
        arrays = _open(source)
        for option in attributes:
            path, column = (None, None) if option in arrays else find_column(option)
            name = option if path is None else column or path.stem
            found[name] = _truths(name, read_column(arrays, option))
    return found


def _truths(name: str, values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.ndim == 1 and values.dtype.kind in "biufU":
        words = values.astype(np.str_) if values.dtype.kind in "bU" else values
        if words.dtype.kind == "U":
            lowered = np.char.lower(words)
            if np.isin(lowered, (*_TRUE, *_FALSE)).all():
                return np.asarray(np.isin(lowered, _TRUE))
        elif np.isin(values, (0, 1)).all():
            return np.asarray(values == 1)
    raise InputError(
        f"attribute '{name}' must hold true or false for each row; "
        f"found shape {values.shape} of {values.dtype}"
    )


@contextmanager
def named_source(source: Sequence[str | Path]) -> Iterator[None]:
    """Errors inside name the source."""
    try:
        yield
    except InputError as error:
        where = ", ".join(map(str, source))
        raise type(error)(_printable(f"{where}: {error}" if where else str(error))) from error


def _printable(message: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in message).split())


def _name(source: Sequence[str | Path]) -> str:
    if len(source) > 1:
        return "embeddings"
    path = Path(source[0])
    return (path.resolve().name if path.is_dir() else path.stem) or "embeddings"


def _open(source: Sequence[str | Path]) -> Arrays:
    if named := dict(str(part).split("=", 1) for part in source if _is_named(part)):
        if len(named) < len(source):
            raise InputError(
                "name either one folder or npz, or every modality as NAME=FILE.npy, each once; "
                f"found {' '.join(map(str, source))}"
            )
        return Arrays(named, lambda name: _stored_file(named[name]))
    if len(source) != 1:
        raise InputError(
            "name either one folder or npz, or every modality as NAME=FILE.npy; "
            f"found {' '.join(map(str, source)) or 'nothing'}"
        )
    return by_modality(open_source(Path(source[0])), GROUPS, LABELS)


def _stored_file(value: str) -> Stored:
    path, column = (Path(value), None) if Path(value).exists() else find_column(value)
    if path is None or path.suffix not in COLUMNS:
        return stored_npy(Path(value))
    return pick(path, column, lambda stored: stored.is_matrix)


def _is_named(part: str | Path) -> bool:
    return isinstance(part, str) and "=" in part and not Path(part).exists()


def _choose(arrays: Arrays, wanted: Sequence[str] | None, fewest: int) -> list[str]:
    """The modalities: those wanted, or every 2-D array of numbers."""
    if wanted is not None:
        if unknown := [name for name in wanted if name not in arrays]:
            raise InputError(f"no array '{unknown[0]}'; there are {', '.join(arrays) or 'none'}")
        return list(wanted)
    names = [name for name in arrays if not name.endswith((GROUPS, LABELS, SCALE))]
    stored = {name: arrays.stored(name) for name in names}
    chosen = [name for name in names if stored[name].is_matrix]
    if len(chosen) < fewest:
        rest = ", ".join(f"{n} ({stored[n].summary})" for n in names if n not in chosen)
        least = "a modality gap needs at least two modalities" if fewest > 1 else "no modality"
        raise InputError(
            f"{least}: one 2-D array of numbers each; found {', '.join(chosen) or 'none'}"
            + (f", left out {one_line(rest)}" if rest else "")
        )
    return chosen


def _modality(arrays: Arrays, name: str) -> NDArray[Any]:
    stored = arrays.stored(name)
    if not stored.is_matrix:
        raise InputError(
            f"modality '{name}' must be a 2-D array of real numbers; found {stored.summary}"
        )
    rows = stored.read()
    if name + SCALE not in arrays or rows.ndim != 2:
        return rows
    return scaled(name, rows, np.asarray(arrays[name + SCALE]))
