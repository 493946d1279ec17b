"""Every closer of the package keeps the contract of all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from isthmus import arrays
from isthmus.closers import KINDS, AffineMap, Centering, Closer
from isthmus.testing import check_closer
from isthmus.testing.closers import CHECKS, space
from tests.closers.zoo import ZOO


def test_every_closer_of_the_package_is_checked():
    assert {make().kind for make in ZOO.values()} == set(KINDS)
    assert all(closer.kind == name for name, closer in KINDS.items())


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@pytest.mark.parametrize("make", ZOO.values(), ids=ZOO)
def test_contract(make: Callable[[], Closer], check):
    check(make)


@pytest.mark.parametrize("make", ZOO.values(), ids=ZOO)
def test_chunks_of_any_size_give_the_same(make, monkeypatch):
    found = space()
    whole = make().fit(found)
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 1)
    for name, x in found.arrays.items():
        expected = whole.transform(x, modality=name)
        np.testing.assert_allclose(
            make().fit(found).transform(x, modality=name), expected, atol=1e-7
        )


class Forgetful(Centering):
    """Keeps of a saved map nothing but zeros."""

    def load_state(self, state, names):
        super().load_state(state, names)
        self.maps_ = {name: AffineMap(found.bias * 0) for name, found in self.maps_.items()}


class Scaled(Centering):
    """Minds the lengths of rows."""

    def move(self, x, *, modality, first=0):
        moved, moments = super().move(x, modality=modality, first=first)
        return moved * np.linalg.norm(x, axis=1, keepdims=True), moments


@pytest.mark.parametrize("broken", [Forgetful, Scaled])
def test_a_broken_closer_fails_the_check(broken, monkeypatch):
    monkeypatch.setitem(KINDS, "centering", broken)
    with pytest.raises(AssertionError, match="centering: "):
        check_closer(broken)


def test_a_rotation_matters_where_dimensions_are_singled_out():
    class First(Centering):
        def solve(self, statistics):
            weights = np.linspace(0.1, 1, 8)
            return {
                name: AffineMap(-found.mean * weights, weights)
                for name, found in statistics.means.items()
            }

    check = CHECKS["a rotated space closes alike"]
    with pytest.raises(AssertionError, match="cosines"):
        check(First)
    First.equivariant = False
    check(First)
