"""Vision&Touch: a robot's arm puts a peg into a hole, seen, felt and known from its joints.

Lee, Zhu et al., *Making Sense of Vision and Touch: Self-Supervised Learning of Multimodal
Representations for Contact-Rich Tasks* (ICRA 2019). Home: https://sites.google.com/view/visionandtouch,
code https://github.com/stanford-iprl-lab/multimodal_representation (MIT; the recordings come
without a licence of their own). Also a part of MultiBench (Liang et al., 2021).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..arguments import check_count, check_flag, check_number
from ..errors import InputError
from .archives import extract
from .download import Resource, fetch
from .root import data_root
from .splits import Split
from .vision_touch_files import Recordings, check_h5py

Task = Literal["end_effector", "contact"]
Whole = Literal["file", "recording"]

SPLIT_SEED = 42
TEST = 0.2
"""The share of the files that is the test split, as in the released code of CoMM."""

TARGETS = ("x", "y", "z", "yaw")
"""What is predicted of the next step in the task "end_effector"."""

# The address as in download_data.sh of the home's code, by https; no checksum is published.
ARCHIVE = Resource(
    "triangle_real_data.zip",
    ("https://downloads.cs.stanford.edu/juno/triangle_real_data.zip",),
)

_FOLDERS = (".", "triangle_real_data", "triangle_real_data/triangle_real_data")
_PART = re.compile(r"(?P<recording>.+)_\d+_\d+\.h5")


@dataclass(frozen=True, eq=False)
class ManipulationSteps:
    """Time steps of a split with what comes next; row i of everything belongs together.

    Attributes
    ----------
    targets:
        Of the task "end_effector" (N, 4) float32, x, y, z and yaw of the next step as the files
        have them; of "contact" (N,) int64, 1 where the peg touches anything in the next step.
    steps:
        (N,) int64, the place of each row in `recordings`.
    recordings:
        The files.
    """

    task: Task
    targets: NDArray[np.float32] | NDArray[np.int64]
    steps: NDArray[np.int64]
    recordings: Recordings

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def names(self) -> NDArray[np.str_]:
        """(N,) the file of each row."""
        names = np.array([path.name for path in self.recordings.paths])
        return names[self.steps // self.recordings.steps]

    def images(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """What the camera sees, (B, 3, 128, 128)."""
        return self.recordings.images(self.steps[rows])

    def force(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The last 32 readings of force and torque, through tanh, (B, 32, 6)."""
        return self.recordings.force(self.steps[rows])

    def proprio(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The state of the arm, (B, 8)."""
        return self.recordings.proprio(self.steps[rows])


def vision_touch(
    split: Split,
    *,
    root: Path | str | None = None,
    download: bool = True,
    task: Task = "end_effector",
    validation: float = 0.1,
    whole: Whole = "file",
    copy: bool = False,
    seed: int = SPLIT_SEED,
) -> ManipulationSteps:
    """Read the steps of a split, in the order of the files' names and of time.

    The folder is `ROOT/vision_touch/triangle_real_data/`, with 3,000 files `*_N_1000.h5` of 50
    steps: 150 recordings, cut into 20 files each. Of a file are read `image`, `proprio`,
    `ee_forces_continuous` and `contact`; depth and optical flow never are. Every step but the last
    of a file is a row: 147,000 in all.

    What is small is read once and kept in `ROOT/vision_touch/` as memory-mapped arrays; pictures
    are read from the files when they are asked for.

    Parameters
    ----------
    split:
        "train", "validation" or "test"; no file is in two of them.
    task:
        "end_effector", four numbers, or "contact", two classes.
    validation:
        Share of the files, or recordings, in the validation split, in (0, 0.8). Test are a fifth.
    whole:
        What is never divided: a "file", as in all published numbers, though files of one recording
        then lie on both sides; or a "recording".
    copy:
        Copy all pictures once into one memory-mapped array (7.4 GB), from which any of them is
        there at once.
    seed:
        Of the division. 42, by files, gives the test split that the released code of CoMM scores
        on, and also chooses on; it has no other.

    Raises
    ------
    InputError
        Files that are missing, damaged or not all of one layout; too few of them; an option that
        does not exist.
    MissingDependencyError
        h5py is not installed.

    Notes
    -----
    The download, of tens of gigabytes, has no checksum: whatever arrives to its end is taken, and
    files are checked as they are read.
    """
    for name, value, kind in (
        ("split", split, Split),
        ("task", task, Task),
        ("whole", whole, Whole),
    ):
        if value not in get_args(kind):
            known = ", ".join(get_args(kind))
            raise InputError(f"{name} must be one of {known}; found {value!r}")
    check_number("validation", validation, low=0, high=1 - TEST, below=True)
    check_count("seed", seed, low=0)
    check_h5py()
    home = data_root(root) / "vision_touch"
    paths = _files(home, download=download)
    chosen = _divided(paths, validation, whole, seed)[split]
    recordings = Recordings(paths, folder=home, copy=check_flag("copy", copy))
    inside = np.arange(recordings.steps - 1)
    steps = (chosen[:, None] * recordings.steps + inside).ravel()
    targets: NDArray[np.float32] | NDArray[np.int64]
    if task == "end_effector":
        targets = recordings.proprio(steps + 1)[:, : len(TARGETS)]
    else:
        targets = recordings.contact(steps + 1).astype(np.int64)
    return ManipulationSteps(task, targets, steps, recordings)


def _files(home: Path, *, download: bool) -> list[Path]:
    """The files by name."""
    for place in _FOLDERS:
        if found := sorted((home / place).glob("*.h5"), key=lambda path: path.name):
            return found
    folder = home / "triangle_real_data"
    if folder.is_dir():
        raise InputError(
            f"{folder} holds no *.h5: put the files there, or remove it to have them unpacked "
            f"from {ARCHIVE.urls[0]}"
        )
    extract(fetch(ARCHIVE, home, download=download), folder)
    return _files(home, download=download)


def _divided(
    paths: Sequence[Path], validation: float, whole: Whole, seed: int
) -> dict[str, NDArray[np.int64]]:
    """The numbers of the files of each split, in order."""
    keys = [path.name if whole == "file" else _recording(path.name) for path in paths]
    parts, part = np.unique(keys, return_inverse=True)
    order = np.arange(len(parts))
    np.random.default_rng(seed).shuffle(order)
    test = int(TEST * len(order))
    held = round(validation * len(order))
    if min(test, held, len(order) - test - held) < 1:
        raise InputError(
            f"{paths[0].parent} holds {len(paths)} files: {len(parts)} {whole}s are too few for "
            f"three splits, of which validation has a share of {validation:g}"
        )
    cuts = np.split(order, [len(order) - test - held, len(order) - test])
    names = ("train", "validation", "test")
    return {n: np.flatnonzero(np.isin(part, cut)) for n, cut in zip(names, cuts, strict=True)}


def _recording(name: str) -> str:
    """The recording that a file is a part of: its name without the number of the part.

    >>> _recording("20190408_183047_triangle_0_journal_0_12_1000.h5")
    '20190408_183047_triangle_0_journal_0'
    """
    found = _PART.fullmatch(name)
    return found["recording"] if found else name
