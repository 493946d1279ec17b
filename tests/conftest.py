"""Shared fixtures: published golden values, and real data where the machine has it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before numpy and torch are loaded: tests run side by side, one on each processor, where more
# threads wait for one another and take several times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

settings.register_profile("isthmus", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("isthmus")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
GOLDEN = {
    "small": Path(__file__).parent / "data" / "golden_small.npz",
    "medium": SHARED / "golden" / "medium.npz",
}

Golden = dict[str, NDArray[Any]]


def read_golden(path: Path) -> Golden:
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


@pytest.fixture
def golden() -> Golden:
    """Inputs and the values that published code gives for them, by 'group/key'."""
    return read_golden(GOLDEN["small"])


@pytest.fixture(params=list(GOLDEN))
def published(request: pytest.FixtureRequest) -> Golden:
    """`golden` in each size; a size that the machine lacks is skipped."""
    path = GOLDEN[request.param]
    if not path.exists():
        pytest.skip(f"no {request.param} golden file: looked for ../shared/golden/{path.name}")
    return read_golden(path)


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """Path of a real data set by its relative name, or a skip that says where it was sought."""

    def find(name: str) -> Path:
        given = os.environ.get("ISTHMUS_DATA")
        for folder in ([Path(given)] if given else []) + [SHARED / "data"]:
            if (folder / name).exists():
                return folder / name
        pytest.skip(f"no real data {name}: looked in $ISTHMUS_DATA and ../shared/data")

    return find
