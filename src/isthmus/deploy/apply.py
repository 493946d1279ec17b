"""A fitted closer applied to vectors on disk: streamed, in bounded memory, resumable."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..closers import Closer, Drift, DriftWarning, load_closer
from ..errors import InputError
from ..progress import steps
from ..readers.read import named_source
from .apply_content import DTYPES, Content, read_content
from .apply_job import Job
from .apply_partial import FORMAT, Partial, State
from .apply_sink import Sink
from .apply_source import Files, source_files
from .lance_sink import LanceSink
from .npy_sink import NpySink
from .parquet_sink import ParquetSink

_SINKS: dict[str, type[Sink]] = {"": NpySink, ".parquet": ParquetSink, ".lance": LanceSink}
_FILES = (".npy", ".npz", ".safetensors", ".arrow", ".feather", ".ipc", ".pt", ".pth")


@dataclass(frozen=True)
class Applied:
    """What `apply` wrote.

    Attributes
    ----------
    out:
        Where.
    shapes, dtypes:
        Modality → shape (N, K) and dtype of its closed rows.
    resumed:
        Rows that an earlier run, which did not finish, had written already.
    drift:
        Modality → how far the mean of its rows lies from that of the calibration set.
    """

    out: Path
    shapes: dict[str, tuple[int, int]]
    dtypes: dict[str, str]
    resumed: int
    drift: dict[str, Drift]


def apply(
    closer: Closer | Path | str,
    source: Sequence[str | Path] | Path | str,
    out: Path | str,
    *,
    modalities: Sequence[str] | None = None,
    groups: Sequence[str] = (),
    labels: Sequence[str] = (),
    dtype: str | None = None,
    fresh: bool = False,
) -> Applied:
    """Close all vectors of a source and write them, whatever their number.

    Rows are read, closed and written in blocks by a few threads; memory is some tens of MiB
    beside the libraries, whatever the number of rows (ids and labels are held whole). The
    numbers are those of `closer.transform`, rounded to the dtype.

    A run that was killed goes on where it was when it is repeated, and the files are the same as
    if it had not been. Until all is done they lie in a hidden folder: `OUT/.partial`, or
    `.NAME.partial` beside a file or table. A row that cannot be closed ends the run, and
    nothing of it stays.

    Parameters
    ----------
    closer:
        A fitted closer, or the file of one.
    source:
        What `read_embeddings` reads, one modality or several; all must be known to the closer.
        Sources that it copies (parquet, LanceDB …) are copied once into `TMPDIR`.
    out:
        - A folder: one `NAME.npy` for each modality, `NAME.groups.npy` and `NAME.labels.npy`
          beside where the source has ids and labels; earlier files of these names are replaced.
        - `NAME.parquet`: a column of vectors for each modality where all have equally many rows,
          with ids and labels in columns of their own; else a row for each item, in the columns
          modality, id, label and vector. An earlier file is replaced.
        - `NAME.lance`: a new LanceDB table with a row for each item, in the same columns. `id`
          is the group id of the item; its number where there are no groups.
    modalities, groups, labels:
        As for `read_embeddings`.
    dtype:
        float16, float32 or float64; the source's if not given, single precision for integers.
    fresh:
        Forget an unfinished run, and replace a LanceDB table that is there.

    Raises
    ------
    InputError
        A source that cannot be read; a modality or width that the closer was not fitted on; a
        row without direction, named by its number; a place that cannot be written to, lacks
        the space or holds the source; an unfinished run with another closer, source or options.

    Warns
    -----
    DriftWarning
        The rows of a modality come from elsewhere than the calibration set.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from isthmus import Embeddings
    >>> from isthmus.closers import Centering
    >>> right, left = np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([[-1.0, 1.0], [-1.0, -1.0]])
    >>> closer = Centering().fit(Embeddings({"image": right, "text": left}))
    >>> with TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/new.npy", right)
    ...     apply(closer, f"image={folder}/new.npy", f"{folder}/closed").shapes
    ...     np.load(f"{folder}/closed/image.npy").round(6).tolist()
    {'image': (2, 2)}
    [[0.0, 1.0], [0.0, -1.0]]
    """
    place = Path(out)
    kind = _kind(place)
    if dtype is not None and dtype not in DTYPES:
        raise InputError(f"dtype is {', '.join(DTYPES)}; found {dtype}")
    parts = [source] if isinstance(source, str | Path) else list(source)
    fitted = closer if isinstance(closer, Closer) else load_closer(closer)
    fitted.check_fitted()
    files = source_files(parts, [*groups, *labels], out=place)
    settings: State = {
        "version": FORMAT,
        "closer": _digest(fitted),
        "choice of arrays": [list(map(str, parts)), modalities, list(groups), list(labels)],
        "state of the source": files,
        "dtype": dtype,
    }
    partial = Partial(place, is_folder=kind is NpySink)
    with partial.locked(), steps({"read": 1, "close": 19}) as step:
        state = None if fresh else partial.read(settings)
        with step("read"):
            content = read_content(
                fitted, parts, modalities=modalities, groups=groups, labels=labels, dtype=dtype
            )
        sink = kind(place, partial.folder, content)
        _check_place(place, sink, files, replace=fresh or bool(state and state["finished"]))
        with step("close"), named_source(parts):
            job = Job(fitted, content, sink, partial, settings)
            resumed = job.run(state)
    for drift in job.drift.values():
        if drift.suspicious:
            warnings.warn(DriftWarning(str(drift)), stacklevel=2)
    return _applied(place, content, resumed, job.drift)


def _applied(out: Path, content: Content, resumed: int, drift: dict[str, Drift]) -> Applied:
    return Applied(
        out,
        {name: (part.rows, part.width) for name, part in content.items()},
        {name: str(part.dtype) for name, part in content.items()},
        resumed,
        drift,
    )


def _kind(out: Path) -> type[Sink]:
    if out.suffix in _FILES or "=" in out.name:
        raise InputError(
            f"the place to write to is a folder, NAME.parquet or NAME.lance; found {out}"
        )
    kind = _SINKS.get(out.suffix, NpySink)
    if out.exists() and out.is_dir() == (kind is ParquetSink):
        found = "folder" if out.is_dir() else "file"
        raise InputError(f"a {found} is in the way of what is to be written: {out}")
    return kind


def _check_place(out: Path, sink: Sink, files: Files, *, replace: bool) -> None:
    """An error if that place holds the source, or a table that nobody asked to replace."""
    for target in (path.resolve() for path in sink.moves()):
        if held := [file for file in files if Path(file).is_relative_to(target)]:
            raise InputError(f"{held[0]} is the source and would be replaced: write elsewhere")
    if isinstance(sink, LanceSink) and out.exists() and not replace:
        raise InputError(
            f"there is a table {out} already: choose another name, or replace it with --fresh "
            "(fresh=True)"
        )


def _digest(closer: Closer) -> str:
    """A fingerprint of all that a closer has learned."""
    found = hashlib.sha256(json.dumps([closer.kind, closer.parameters(), closer.names]).encode())
    for name, array in sorted(closer.state().items()):
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
