from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings
from isthmus.closers import Interpolation
from isthmus.metrics import l2m, rmg
from tests.closers.spaces import gapped, images, one_line_refusal
from tests.reference.gap import unit
from tests.strategies import seeds

weights = st.floats(0, 0.99)


@given(seeds, weights, st.integers(2, 4))
def test_rows_move_towards_the_mean_of_means(seed, weight, n):
    space = gapped(seed, names=[f"m{k}" for k in range(n)])
    centre = np.mean([unit(x).mean(axis=0) for x in space.arrays.values()], axis=0)
    closer = Interpolation(weight=weight).fit(space)
    for name in space.names:
        expected = (1 - weight) * unit(space[name]) + weight * centre
        np.testing.assert_allclose(images(closer, space, name), expected, atol=1e-12)
        closed = closer.transform(space[name], modality=name)
        np.testing.assert_allclose(closed, unit(expected), atol=1e-9)


@given(seeds, weights)
def test_all_distances_shrink_alike(seed, weight):
    space = gapped(seed)
    closer = Interpolation(weight=weight).fit(space)
    moved = {name: images(closer, space, name) for name in space.names}
    for a, b in (("image", "text"), ("image", "image")):
        apart = np.linalg.norm(moved[a][0] - moved[b][5:], axis=1)
        before = np.linalg.norm(unit(space[a])[0] - unit(space[b])[5:], axis=1)
        np.testing.assert_allclose(apart, (1 - weight) * before, atol=1e-12)


def test_l2m_is_deceived_and_rmg_is_not():
    rng = np.random.default_rng(0)
    things = rng.normal(size=(200, 60))
    offset = 8 * np.eye(60)[0]
    space = Embeddings({"image": things + offset, "text": things + offset * 0.3})
    closed = Interpolation(weight=0.9).fit(space).close(space)
    before, after = space.arrays.values(), closed.arrays.values()
    assert l2m(*after) < 0.3 * l2m(*before)
    assert abs(rmg(*after) - rmg(*before)) < 0.1


@given(seeds)
def test_no_weight_changes_nothing(seed):
    space = gapped(seed)
    closed = Interpolation(weight=0).fit(space).close(space)
    np.testing.assert_allclose(closed["text"], unit(space["text"]), atol=1e-12)


def test_nothing_moves_where_means_cancel():
    rows = gapped()["image"]
    space = Embeddings({"image": rows, "text": -rows})
    closed = Interpolation(weight=0.9).fit(space).close(space)
    np.testing.assert_allclose(closed["image"], unit(rows), atol=1e-9)


@pytest.mark.parametrize("value", [1, 1.5, -0.1, np.nan, "half", None, False])
def test_a_weight_outside_its_range_is_refused(value):
    message = one_line_refusal(lambda: Interpolation(weight=value))
    assert message == f"weight must be a number in [0, 1); found {value!r}"
