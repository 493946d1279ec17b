from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings
from isthmus.closers import Centering, Drift, DriftWarning
from isthmus.metrics.moments import Moments
from tests.strategies import rotation, seeds


def cloud(seed: int, n: int, *, away: float = 0.0, width: int = 16) -> np.ndarray:
    """Rows around a mean of their own cone; `away` moves it along the last dimension."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) + 3 * np.eye(width)[0] + away * np.eye(width)[-1]


def drift(seed: int, n: int, *, away: float = 0.0, fitted: int = 300) -> Drift:
    return Drift.between("a", Moments.of(cloud(0, fitted)), Moments.of(cloud(seed, n, away=away)))


@given(st.integers(1, 10_000), st.integers(1, 200))
def test_rows_from_the_same_place_are_not_suspicious(seed, n):
    assert not drift(seed, n).suspicious


def test_chance_is_what_the_shift_is_on_average():
    found = [drift(seed, 40) for seed in range(1, 200)]
    squares = np.mean([one.shift**2 for one in found])
    assert squares == pytest.approx(np.mean([one.chance**2 for one in found]), rel=0.15)


@pytest.mark.parametrize("n", [30, 100, 1000])
def test_rows_from_elsewhere_are_suspicious_once_they_are_several(n):
    assert drift(1, n, away=4.0).suspicious
    assert not drift(1, 1, away=4.0).suspicious  # one row may lie anywhere


def test_a_small_shift_is_no_cause_for_alarm_however_sure():
    found = drift(1, 20_000, away=0.2, fitted=20_000)
    assert found.shift > 5 * found.chance
    assert found.excess < 0.1
    assert not found.suspicious
    assert str(found).endswith("by chance)")


def test_excess_is_the_shift_without_chance():
    assert Drift("a", 9, 0.5, 0.3).excess == pytest.approx(0.4)
    assert Drift("a", 9, 0.2, 0.3).excess == 0.0


@given(seeds)
def test_a_rotation_of_the_space_changes_nothing(seed):
    turn = rotation(16, seed)
    here, there = cloud(0, 50), cloud(1, 60, away=2.0)
    plain = Drift.between("a", Moments.of(here), Moments.of(there))
    turned = Drift.between("a", Moments.of(here @ turn), Moments.of(there @ turn))
    assert (turned.shift, turned.chance) == pytest.approx((plain.shift, plain.chance))


def test_rows_that_are_closed_already_give_a_warning_with_the_shift():
    closer = Centering().fit(Embeddings({"a": cloud(0, 100), "b": -cloud(1, 100)}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        closed = closer.transform(cloud(2, 100), modality="a")
    with pytest.warns(DriftWarning, match=r"100 rows of modality 'a' lies 0\.\d+ from"):
        closer.transform(closed, modality="a")
    assert closer.drift(closed, modality="a").suspicious
