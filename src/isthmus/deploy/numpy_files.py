"""Matrix and bias as npy and safetensors files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ..closers.base import Closer
from ..errors import InputError
from ..files import write_together
from .maps import Rows, affine_map, check_same, exported, metadata

TOGETHER = "closer-affine.safetensors"
"""The file that holds the maps of all modalities."""


def write_numpy(
    closer: Closer, out: Path | str, *, modality: str | None = None, dtype: str = "float32"
) -> list[Path]:
    """Write `NAME.matrix.npy`, `NAME.bias.npy` and `closer-affine.safetensors` to a folder.

    z = unit(matrix · unit(x) + bias), for a row x of modality NAME; matrix (K, D), bias (K,).
    The safetensors file holds both for every modality, as `NAME.matrix` and `NAME.bias`, with
    that formula in its metadata. All files appear together or none does.

    Parameters
    ----------
    closer:
        Fitted, and affine.
    out:
        The folder; made if missing.
    modality:
        Only this one; else all.
    dtype:
        `float32`, or `float64` as the closer holds them.

    Raises
    ------
    InputError
        A closer that is not affine, an unknown modality, another dtype, a file instead of a
        folder, a place that cannot be written to.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from isthmus import Embeddings
    >>> from isthmus.closers import Centering
    >>> closer = Centering().fit(Embeddings({"image": np.eye(3), "text": -np.eye(3)}))
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in write_numpy(closer, folder, modality="text")]
    ['text.matrix.npy', 'text.bias.npy', 'closer-affine.safetensors']
    """
    folder = Path(out)
    if folder.suffix in (".npy", ".safetensors"):
        raise InputError(f"numpy files go to a folder; found the file {out}")
    if dtype not in ("float32", "float64"):
        raise InputError(f"numpy files hold float32 or float64; found dtype {dtype}")
    names = exported(closer, modality)
    arrays: dict[str, Rows] = {}
    for name in names:
        affine = affine_map(closer, name).affine
        matrix, bias = (np.ascontiguousarray(part, dtype=dtype) for part in affine)
        check_same(closer, name, partial(apply, matrix=matrix, bias=bias), "the written map")
        arrays |= {f"{name}.matrix": matrix, f"{name}.bias": bias}
    writers: dict[Path, Callable[[Path], None] | None] = {}
    for name in names:
        for part in ("matrix", "bias"):
            array = arrays[f"{name}.{part}"]
            writers[folder / f"{name}.{part}.npy"] = partial(np.save, arr=array, allow_pickle=False)
    writers[folder / TOGETHER] = partial(_safetensors, arrays=arrays, closer=closer)
    write_together(writers)
    return list(writers)


def apply(x: Rows, matrix: Rows, bias: Rows) -> Rows:
    """What the files' user does: rows (N, D) → closed unit rows (N, K)."""
    z = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ matrix.T + bias
    return np.asarray(z / np.linalg.norm(z, axis=1, keepdims=True))


def usage(folder: Path, name: str) -> str:
    """The lines of numpy that close rows of one modality with the files."""
    matrix, bias = (str(folder / f"{name}.{part}.npy") for part in ("matrix", "bias"))
    return (
        "import numpy as np\n"
        f"matrix, bias = np.load({matrix!r}), np.load({bias!r})\n"
        f"x = np.load({name + '.npy'!r}).astype(np.float32)  # your rows of '{name}', (N, D)\n"
        "x /= np.linalg.norm(x, axis=1, keepdims=True)\n"
        "z = x @ matrix.T + bias\n"
        "z /= np.linalg.norm(z, axis=1, keepdims=True)"
    )


def _safetensors(path: Path, arrays: dict[str, Rows], closer: Closer) -> None:
    from safetensors.numpy import save_file

    save_file(arrays, path, metadata=dict(metadata(closer, format="isthmus-affine")))
