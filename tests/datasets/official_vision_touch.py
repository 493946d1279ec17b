"""A small Vision&Touch in the official layout: files of a recording's parts, in HDF5."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 4


def name(recording: int, part: int) -> str:
    """The file of a part of a recording."""
    return f"20190408_1830{recording:02d}_triangle_0_journal_0_{part}_1000.h5"


def arrays(number: int, steps: int = STEPS) -> dict[str, NDArray[Any]]:
    """All data sets of file `number`; the proprio of step t is 100 number + t + 0.1 column."""
    rng = np.random.default_rng(number)
    t = np.arange(steps)
    image = np.zeros((steps, 128, 128, 3), np.uint8)
    image[..., 0], image[..., 1] = number, t[:, None, None]
    image[:, :, :64, 2] = 200
    force = rng.normal(size=(steps, 50, 6))
    force[:, -1, 0] = 1e6  # beyond all that is usual
    contact = np.zeros((steps, 50))
    contact[(t + number) % 2 == 0, 7] = 1
    return {
        "image": image,
        "proprio": 100 * number + t[:, None] + 0.1 * np.arange(8),
        "ee_forces_continuous": force,
        "contact": contact,
        "action": rng.normal(size=(steps, 4)),
        "ee_yaw_delta": rng.normal(size=(steps, 4)),
    }


def write(path: Path, members: dict[str, NDArray[Any]], **options: Any) -> Path:
    """One file."""
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, values in members.items():
            file.create_dataset(key, data=values, **options)
    return path


def write_vision_touch(
    root: Path,
    *,
    recordings: int = 5,
    parts: Sequence[int] = (0, 1, 10, 2),
    steps: int = STEPS,
    **options: Any,
) -> list[Path]:
    """ROOT/vision_touch/triangle_real_data, its files by name; file k is `arrays(k)`."""
    folder = root / "vision_touch" / "triangle_real_data"
    names = sorted(name(k, part) for k in range(recordings) for part in parts)
    return [write(folder / own, arrays(k, steps), **options) for k, own in enumerate(names)]
