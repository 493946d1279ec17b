"""Small sources and closers for `isthmus apply`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from isthmus import Embeddings
from isthmus.closers import AffineCloser, AffineMap, Centering
from isthmus.closers.statistics import Statistics

WIDTH = 16
ROWS = 203  # not a multiple of anything


def rows(seed: int, n: int = ROWS, *, dtype: str = "float32") -> NDArray[Any]:
    """Rows around a mean that depends on the seed."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, WIDTH)) + 2 * np.random.default_rng(seed % 2).normal(size=WIDTH)
    return (20 * x).astype(dtype) if dtype.startswith("int") else x.astype(dtype)


def fitted() -> Centering:
    return Centering().fit(Embeddings({"image": rows(2), "text": rows(3)}))


class Narrow(AffineCloser):
    """Centres, then keeps K = 5 random directions: a matrix that is not square."""

    kind: ClassVar[str] = "narrow"

    def solve(self, statistics: Statistics) -> dict[str, AffineMap]:
        matrix = np.random.default_rng(7).normal(size=(5, WIDTH))
        means = {name: m.mean for name, m in statistics.means.items()}
        return {name: AffineMap(-matrix @ mean, matrix) for name, mean in means.items()}


class Diagonal(AffineCloser):
    """Stretches dimensions."""

    kind: ClassVar[str] = "diagonal"

    def solve(self, statistics: Statistics) -> dict[str, AffineMap]:
        stretch = np.linspace(0.5, 2, WIDTH)
        return {n: AffineMap(-stretch * m.mean, stretch) for n, m in statistics.means.items()}


class Generic(Centering):
    """A closer whose `move` is its own: the path of those that are not affine."""

    kind: ClassVar[str] = "generic"

    def move(self, x: Any, *, modality: str, first: int = 0) -> Any:
        return super().move(x, modality=modality, first=first)


def save_folder(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder
