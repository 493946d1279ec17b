"""Random embedding spaces, for tables of seeds and for hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray


@dataclass(frozen=True)
class Space:
    """Two modalities, with the group id of each row."""

    x: NDArray[Any]
    y: NDArray[Any]
    gx: NDArray[np.int64]
    gy: NDArray[np.int64]

    @property
    def groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.gx, self.gy

    @property
    def swapped(self) -> Space:
        return Space(self.y, self.x, self.gy, self.gx)

    def with_rows(self, x: NDArray[Any], y: NDArray[Any]) -> Space:
        return replace(self, x=x, y=y)


def make_space(*, seed: int, n: int, m: int, width: int, groups: int) -> Space:
    """Offset clouds whose rows match many to many, some of them not at all."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width)) + rng.normal(size=width)
    y = rng.normal(size=(m, width)) + rng.normal(size=width)
    gx = rng.integers(0, groups, n)
    gy = rng.integers(groups // 3, groups + groups // 3 + 1, m)
    gy[rng.integers(m)] = gx[rng.integers(n)]
    return Space(x, y, gx, gy)


def rotation(width: int, seed: int) -> NDArray[np.float64]:
    """A random orthogonal matrix."""
    square = np.random.default_rng(seed).normal(size=(width, width))
    return np.asarray(np.linalg.qr(square)[0])


seeds = st.integers(0, 2**32 - 1)
spaces = st.builds(
    make_space,
    seed=seeds,
    n=st.integers(2, 30),
    m=st.integers(2, 30),
    width=st.integers(2, 12),
    groups=st.integers(1, 20),
)
