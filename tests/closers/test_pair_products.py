"""Sums over matched pairs: against a loop over all of them, and over shards."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.closers import pair_products
from isthmus.closers.pair_products import PairProducts
from tests.closers.matched import pairs_by_hand, several

FIELDS = ("x_total", "y_total", "xx", "yy", "xy")
seeds = st.integers(0, 10**6)


def products(space, a="image", b="text"):
    return PairProducts.of(space[a], space[b], (space.codes[a], space.codes[b]))


def part(space, which):
    own = {name: np.isin(ids, which) for name, ids in space.groups.items()}
    return (
        *(space[name][own[name]] for name in ("image", "text")),
        tuple(space.codes[name][own[name]] for name in ("image", "text")),
    )


def by_hand(space):
    x, y, w = pairs_by_hand(space, "image", "text")
    common = set(space.groups["image"]) & set(space.groups["text"])
    return {
        "count": len(common),
        "x_total": w @ x,
        "y_total": w @ y,
        "xx": (x * w[:, None]).T @ x,
        "yy": (y * w[:, None]).T @ y,
        "xy": (x * w[:, None]).T @ y,
    }


@given(seeds, st.integers(2, 30), st.integers(1, 5))
def test_products_are_sums_over_all_pairs_by_their_weights(seed, groups, width):
    space = several(seed, groups, width)
    found, expected = products(space), by_hand(space)
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(found, name), value, atol=1e-12)
    weights = pairs_by_hand(space, "image", "text")[2]
    assert weights.sum() == pytest.approx(found.count)


@given(seeds, st.integers(4, 30))
def test_shards_of_whole_groups_merge_to_the_whole(seed, groups):
    space = several(seed, groups)
    whole = products(space)
    half = np.arange(groups) % 2
    shards = [PairProducts.of(*part(space, np.flatnonzero(half == k))) for k in range(2)]
    merged = shards[0].merge(shards[1])
    assert merged.count == whole.count
    for name in FIELDS:
        np.testing.assert_allclose(getattr(merged, name), getattr(whole, name), atol=1e-12)


@given(seeds, st.integers(2, 20))
def test_swapping_the_modalities_swaps_the_sums(seed, groups):
    space = several(seed, groups)
    found, other = products(space).swapped, products(space, "text", "image")
    for name in FIELDS:
        np.testing.assert_allclose(getattr(found, name), getattr(other, name), atol=1e-12)


@given(seeds)
def test_covariances_are_those_of_the_weighted_pairs(seed):
    space = several(seed, 15)
    x, y, w = pairs_by_hand(space, "image", "text")
    expected = np.cov(np.hstack([x, y]).T, aweights=w, bias=True)
    xx, yy, xy = products(space).covariances
    width = x.shape[1]
    np.testing.assert_allclose(xx, expected[:width, :width], atol=1e-12)
    np.testing.assert_allclose(yy, expected[width:, width:], atol=1e-12)
    np.testing.assert_allclose(xy, expected[:width, width:], atol=1e-12)


@pytest.mark.parametrize(("groups", "rows"), [(1, 1), (2, 1), (3, 2), (7, 5)])
def test_pieces_of_any_size_give_the_same(monkeypatch, groups, rows):
    space = several(3, 40)
    whole = products(space)
    monkeypatch.setattr(pair_products, "GROUPS", groups)
    monkeypatch.setattr(pair_products, "ROWS", rows)
    found = products(space)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), atol=1e-12)


def test_no_common_group_gives_no_count():
    none = PairProducts.of(np.eye(2), np.eye(2), (np.array([0, 1]), np.array([2, 3])))
    assert none.count == 0
    assert not none.xy.any()
