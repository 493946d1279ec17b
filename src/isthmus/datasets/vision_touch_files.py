"""The recordings of Vision&Touch: HDF5 files of some time steps each, read a step at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, missing
from ..readers.guard import check_backed, check_file, reading
from .cache import cached

SIDE = 128
"""Height and width of the pictures."""

WINDOW, AXES, PROPRIO = 32, 6, 8
"""The last readings of force and torque that are taken, their axes, and what of the state is."""

_FORCE = WINDOW * AXES
_WIDTH = _FORCE + PROPRIO + 1  # and whether there is contact

FORM = "an HDF5 file of Vision&Touch"


class Recordings:
    """Files of equally many time steps, one after the other; their steps are numbered through.

    Forces, states and contacts are read once and kept in FOLDER as one memory-mapped array (0.8
    kB for each step). Pictures are read from the files when they are wanted, or with `copy` from a
    memory-mapped array of all of them, which is made once (49 kB for each step).

    Attributes
    ----------
    steps:
        Time steps of each file.

    Raises
    ------
    InputError
        A file that is missing, damaged, of another length or layout, or that holds NaN or Inf.
    MissingDependencyError
        h5py is not installed.
    """

    def __init__(self, paths: Sequence[Path], *, folder: Path, copy: bool = False) -> None:
        check_h5py()
        self.paths = tuple(paths)
        self.steps = _steps(self.paths[0])
        about = [(p.name, (at := p.stat()).st_size, at.st_mtime_ns) for p in self.paths]
        kind: dict[str, Any] = {"files": about, "layout": [WINDOW, AXES, PROPRIO]}
        rows = len(self.paths) * self.steps
        self._small = cached(
            folder,
            "steps",
            of=kind,
            shape=(rows, _WIDTH),
            dtype=np.float32,
            blocks=lambda: (_read_small(path, self.steps) for path in self.paths),
        )
        self._copied: NDArray[Any] | None = None
        if copy:
            self._copied = cached(
                folder,
                "images",
                of=kind,
                shape=(rows, 3, SIDE, SIDE),
                dtype=np.uint8,
                blocks=lambda: (_read_pictures(path, self.steps) for path in self.paths),
            )

    def __len__(self) -> int:
        return len(self._small)

    def force(self, steps: NDArray[np.int64]) -> NDArray[np.float32]:
        """tanh of the last readings up to these steps, (B, 32, 6)."""
        return np.array(self._small[steps, :_FORCE]).reshape(-1, WINDOW, AXES)

    def proprio(self, steps: NDArray[np.int64]) -> NDArray[np.float32]:
        """The state of the arm at these steps, (B, 8)."""
        return np.array(self._small[steps, _FORCE:-1])

    def contact(self, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the peg touches anything during these steps, (B,)."""
        return np.asarray(self._small[steps, -1] > 0)

    def images(self, steps: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The pictures of these steps, (B, 3, 128, 128)."""
        if self._copied is not None:
            return np.array(self._copied[steps])
        found = np.empty((len(steps), 3, SIDE, SIDE), np.uint8)
        files, places = np.divmod(steps, self.steps)
        for file in np.unique(files):
            chosen = np.flatnonzero(files == file)
            found[chosen] = _read_pictures(self.paths[file], self.steps, places[chosen])
        return found


def check_h5py() -> None:
    """An error unless h5py is installed."""
    try:
        import h5py  # noqa: F401
    except ImportError:
        raise missing("h5py", extra="train") from None


def _steps(path: Path) -> int:
    """The time steps of a file."""
    with _opened(path) as file:
        shape = _member(file, "image", path).shape
    if len(shape) != 4 or shape[0] < 2:
        raise InputError(
            f"'image' of {path} must be pictures of at least 2 time steps, (T, {SIDE}, {SIDE}, 3); "
            f"found {shape}"
        )
    return int(shape[0])


def _read_small(path: Path, steps: int) -> NDArray[np.float32]:
    """Force, state and contact of a file's steps, (T, 32 * 6 + 8 + 1)."""
    with _opened(path) as file:
        force = _values(file, "ee_forces_continuous", path, (steps, None, AXES), least=WINDOW)
        proprio = _values(file, "proprio", path, (steps, None), least=PROPRIO)
        contact = _values(file, "contact", path, (steps, None), least=1)
    found = np.empty((steps, _WIDTH), np.float32)
    found[:, :_FORCE] = np.tanh(force[:, -WINDOW:]).reshape(steps, -1)
    found[:, _FORCE:-1] = proprio[:, :PROPRIO]
    found[:, -1] = contact.sum(axis=1) > 0
    return found


def _read_pictures(
    path: Path, steps: int, places: NDArray[np.int64] | None = None
) -> NDArray[np.uint8]:
    """Pictures of a file, all or those of some steps, (B, 3, 128, 128)."""
    with _opened(path) as file:
        member = _member(file, "image", path)
        last = (steps, SIDE, SIDE, 3)
        if member.shape not in (last, (steps, 3, SIDE, SIDE)) or member.dtype != np.uint8:
            raise InputError(
                f"'image' of {path} must be {last} of uint8, as in the first file; found "
                f"{member.shape} of {member.dtype}"
            )
        if places is None or len(places) > steps // 4:
            found = member[()] if places is None else member[()][places]
        else:
            found = np.stack([member[int(place)] for place in places])
    pictures = found.transpose(0, 3, 1, 2) if found.shape[-1] == 3 else found
    return np.ascontiguousarray(pictures, dtype=np.uint8)


def _values(
    file: Any, name: str, path: Path, shape: tuple[int | None, ...], *, least: int
) -> NDArray[np.float64]:
    """An array of finite numbers; None in its shape stands for `least` or more."""
    member = _member(file, name, path)
    fits = len(member.shape) == len(shape) and all(
        found >= least if wanted is None else found == wanted
        for found, wanted in zip(member.shape, shape, strict=True)
    )
    if not fits or member.dtype.kind not in "uifb":
        wanted = ", ".join(f"{least} or more" if n is None else str(n) for n in shape)
        raise InputError(
            f"'{name}' of {path} must be numbers of shape ({wanted}); found {member.shape} of "
            f"{member.dtype}"
        )
    values: NDArray[np.float64] = np.asarray(member[()], dtype=np.float64)
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if not finite.all():
        raise InputError(f"'{name}' of {path} has NaN or Inf at step {int(finite.argmin())}")
    return values


def _member(file: Any, name: str, path: Path) -> Any:
    """A data set of a file, as large as its file can hold."""
    import h5py

    member = file.get(name)
    if not isinstance(member, h5py.Dataset):
        raise InputError(
            f"{path} has no data set '{name}': it is not {FORM}; it has {', '.join(file) or 'none'}"
        )
    claimed = math.prod(member.shape or (0,)) * member.dtype.itemsize
    check_backed(f"'{name}' of {path}", claimed, path.stat().st_size)
    return member


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A file for reading; whatever its library raises inside is one error that names it."""
    import h5py

    check_file(path)
    with reading(path, FORM), h5py.File(path, "r", locking=False) as file:
        yield file
