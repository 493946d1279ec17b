from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings
from isthmus.closers import GapShift
from isthmus.metrics import l2m
from tests.closers.spaces import gapped, images, one_line_refusal, rings
from tests.reference.gap import unit
from tests.strategies import seeds

strengths = st.floats(-2, 2)


@given(seeds, strengths)
def test_rows_move_by_a_share_of_the_gap_vector(seed, strength):
    space = gapped(seed)
    x, y = (unit(space[name]) for name in space.names)
    gap = x.mean(axis=0) - y.mean(axis=0)
    closer = GapShift(strength=strength).fit(space)
    np.testing.assert_allclose(images(closer, space, "image"), x - strength * gap, atol=1e-12)
    np.testing.assert_allclose(images(closer, space, "text"), y + strength * gap, atol=1e-12)


@given(seeds, strengths, st.integers(2, 5))
def test_the_distance_of_means_changes_as_stated(seed, strength, n):
    space = gapped(seed, names=[f"m{k}" for k in range(n)])
    closer = GapShift(strength=strength).fit(space)
    means = [images(closer, space, name).mean(axis=0) for name in space.names]
    before = l2m(space["m0"], space["m1"])
    expected = abs(1 - strength * n / (n - 1)) * before
    np.testing.assert_allclose(np.linalg.norm(means[0] - means[1]), expected, atol=1e-9)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_all_means_come_together(n):
    space = gapped(names=[f"m{k}" for k in range(n)])
    closer = GapShift(strength=(n - 1) / n).fit(space)
    centre = np.mean([unit(x).mean(axis=0) for x in space.arrays.values()], axis=0)
    for name in space.names:
        np.testing.assert_allclose(images(closer, space, name).mean(axis=0), centre, atol=1e-12)


@given(seeds)
def test_no_strength_changes_nothing(seed):
    space = gapped(seed)
    closed = GapShift(strength=0).fit(space).close(space)
    np.testing.assert_allclose(closed["text"], unit(space["text"]), atol=1e-12)


def test_a_planted_offset_is_recovered():
    space = rings(image=[0.6, 0.8], text=[-0.6, 0.8])
    closed = GapShift().fit(space).close(space)
    np.testing.assert_allclose(closed["image"], closed["text"], atol=1e-9)


def test_a_sweep_falls_and_rises_about_the_strength_that_closes():
    space = gapped(n=400)
    gaps = [
        l2m(*GapShift(strength=s).fit(space).close(space).arrays.values())
        for s in (-0.5, 0, 0.25, 0.5, 0.75, 1, 1.5)
    ]
    assert gaps[:4] == sorted(gaps[:4], reverse=True)
    assert gaps[3:] == sorted(gaps[3:])


def test_every_modality_counts_once_however_many_rows_it_has():
    rows = {name: gapped(names="abc")[name] for name in "abc"}
    many = Embeddings(
        rows | {"c": np.tile(rows["c"], (9, 1))},
        groups={"a": range(40), "b": range(40), "c": np.arange(360) % 40},
    )
    found, expected = (GapShift().fit(s).as_affine("a").bias for s in (many, Embeddings(rows)))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 101, "0.5", None, True])
def test_a_strength_that_is_none_is_refused(value):
    message = one_line_refusal(lambda: GapShift(strength=value))
    assert message == f"strength must be a number in [-100, 100]; found {value!r}"
