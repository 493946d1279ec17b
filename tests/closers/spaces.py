"""Small spaces with known answers, and what tests of closers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from isthmus import Embeddings, InputError
from isthmus.closers import AffineCloser
from tests.reference.gap import unit


def gapped(
    seed: int = 0, n: int = 40, width: int = 6, names: Sequence[str] = ("image", "text")
) -> Embeddings:
    """Clouds of n matched rows, each with an offset of its own."""
    rng = np.random.default_rng(seed)
    return Embeddings(
        {name: rng.normal(size=(n, width)) + rng.normal(size=width) for name in names},
        labels=np.arange(n) % 3,
    )


def rings(n: int = 6, **radii: Sequence[float]) -> Embeddings:
    """Unit rows of each modality on a torus about an offset, the same angles in all.

    Radii (r_0, r_1, …, r_k): r_0 is the offset, and every r_j > 0 the radius of a ring in two
    dimensions; their squares add up to 1. All n^k combinations of angles: a covariance with
    r_j² / 2 on its diagonal, twice, and zeros elsewhere.
    """
    angles = 2 * np.pi * (np.arange(n) + 0.3) / n
    rows = {}
    for name, (offset, *own) in radii.items():
        assert np.isclose(offset**2 + sum(r**2 for r in own), 1)
        grid = np.stack(np.meshgrid(*[angles] * len(own), indexing="ij"), axis=-1)
        grid = grid.reshape(-1, len(own))  # (n^k, k)
        circles = np.stack([np.cos(grid), np.sin(grid)], axis=-1) * np.array(own)[:, None]
        flat = circles.reshape(len(grid), -1)
        rows[name] = np.concatenate([np.full((len(grid), 1), offset), flat], axis=1)
    return Embeddings(rows)


def images(closer: AffineCloser, space: Embeddings, name: str) -> np.ndarray:
    """A x̂ + b of a modality's rows, before they are scaled to unit length."""
    matrix, bias = closer.as_affine(name)
    return np.asarray(unit(space[name]) @ matrix.T + bias)


def one_line_refusal(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)
