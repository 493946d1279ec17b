"""Closers with known maps, and what they do, written out in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus.closers import Affine, AffineCloser, AffineMap
from isthmus.closers.base import Closer
from isthmus.closers.statistics import Statistics
from isthmus.errors import InputError
from isthmus.metrics.moments import Moments
from tests.reference.gap import unit

FORMS = ("identity", "diagonal", "square", "narrower", "wider", "no bias")
D = 6


class Planted(AffineCloser):
    """An affine closer whose maps are given."""

    kind = "planted"

    def solve(self, statistics: Statistics) -> dict[str, AffineMap]:
        raise NotImplementedError


class Opaque(Planted):
    """A closer that is no affine map."""

    kind = "opaque"

    def as_affine(self, modality: str) -> Any:
        return Closer.as_affine(self, modality)


class Liar(Planted):
    """A closer whose `as_affine` is not what `transform` does."""

    kind = "liar"

    def as_affine(self, modality: str) -> Any:
        matrix, bias = super().as_affine(modality)
        return Affine(matrix, bias + 0.01)


def planted(kind: type[Planted] = Planted, /, **maps: AffineMap) -> Planted:
    closer = kind()
    closer.maps_ = maps
    closer.calibration_ = {
        name: Moments(1000, np.zeros(found.width)) for name, found in maps.items()
    }
    return closer


def some_map(form: str, seed: int = 0, width: int = D) -> AffineMap:
    rng = np.random.default_rng(seed)
    out = {"narrower": width - 2, "wider": width + 3}.get(form, width)
    bias = 0.5 * rng.normal(size=out) / np.sqrt(out)
    if form == "identity":
        return AffineMap(bias)
    if form == "diagonal":
        return AffineMap(bias, rng.uniform(0.5, 2, width))
    return AffineMap(bias * (form != "no bias"), rng.normal(size=(out, width)))


def both(form: str, width: int = D) -> Planted:
    return planted(image=some_map(form, 1, width), text=some_map(form, 2, width))


def expected(closer: Planted, modality: str, x: Any) -> NDArray[np.float64]:
    matrix, bias = closer.maps_[modality].affine
    if not len(x):
        return np.zeros((0, len(bias)))
    return unit(unit(np.asarray(x, dtype=np.float64)) @ matrix.T + bias)


def rows(n: int = 7, dtype: str = "float32", width: int = D) -> NDArray[Any]:
    return (3 * np.random.default_rng(n).normal(size=(n, width))).astype(dtype)


def refusal(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)
