from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError, arrays
from isthmus.metrics import Moments, PairMoments
from tests.reference import gap as reference
from tests.strategies import seeds, spaces


@given(spaces, st.lists(st.integers(0, 30), max_size=4))
def test_merged_shards_are_the_whole(space, cuts):
    shards = [shard for shard in np.split(space.x, sorted(cuts)) if len(shard)]
    merged = Moments.of(shards[0])
    for shard in shards[1:]:
        merged = merged.merge(Moments.of(shard))
    whole = Moments.of(space.x)
    assert merged.count == whole.count == len(space.x)
    np.testing.assert_allclose(merged.total, whole.total, atol=1e-12)
    assert merged.mean_cosine == pytest.approx(whole.mean_cosine, abs=1e-12)


@given(spaces, st.integers(1, 29))
def test_merged_pair_moments_are_the_whole(space, cut):
    whole = PairMoments.of(space.x, space.y, space.groups)
    parts = [
        PairMoments.of(space.x[rows], space.y, (space.gx[rows], space.gy))
        for rows in (slice(None, cut), slice(cut, None))
        if np.isin(space.gx[rows], space.gy).any()
    ]
    merged = parts[0] if len(parts) == 1 else parts[0].merge(parts[1])
    assert merged.count == whole.count == len(reference.matches(*space.groups))
    assert merged.mean_cosine == pytest.approx(whole.mean_cosine, abs=1e-12)
    assert merged.mean_distance == pytest.approx(whole.mean_distance, abs=1e-12)


@given(spaces, st.integers(1, 500))
def test_chunks_of_any_size_give_the_same(space, chunk_bytes):
    whole = Moments.of(space.x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK_BYTES", chunk_bytes)
        np.testing.assert_allclose(Moments.of(space.x).total, whole.total, atol=1e-12)


@given(spaces)
def test_mean_and_cone_equal_the_reference(space):
    moments = Moments.of(space.x)
    np.testing.assert_allclose(moments.mean, reference.unit(space.x).mean(axis=0), atol=1e-12)
    assert moments.mean_cosine == pytest.approx(reference.mean_angular_value(space.x), abs=1e-12)


@given(seeds, st.integers(2, 20))
def test_mean_cosine_stays_in_its_range(seed, n):
    x = np.random.default_rng(seed).normal(size=(n, 3))
    assert -1 / (n - 1) - 1e-12 <= Moments.of(x).mean_cosine <= 1


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_a_million_narrow_rows_in_single_precision_keep_their_mean(library):
    row = np.array([0.3, 0.1], np.float32)
    moments = Moments.of(library(np.tile(row, (1_000_000, 1))))
    np.testing.assert_allclose(moments.mean, reference.unit([row])[0], atol=1e-6)
    assert moments.mean_cosine == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_sums_are_kept_in_double_precision(library):
    total = Moments.of(library(np.ones((3, 2), np.float32))).total
    assert isinstance(total, np.ndarray)
    assert total.dtype == np.float64


def test_one_row_has_no_pairs_of_rows():
    with pytest.raises(InputError, match="at least two rows"):
        _ = Moments.of(np.ones((1, 2))).mean_cosine


def test_moments_of_other_widths_do_not_merge():
    with pytest.raises(InputError, match="found 2 and 3 dimensions"):
        Moments.of(np.ones((2, 2))).merge(Moments.of(np.ones((2, 3))))


def test_pairs_by_position_need_equally_many_rows():
    with pytest.raises(InputError, match="there are 2 and 3 of them"):
        PairMoments.of(np.eye(3)[:2], np.eye(3))


def test_no_pair_at_all_is_refused():
    with pytest.raises(InputError, match="no row of the one modality matches"):
        PairMoments.of(np.eye(2), np.eye(2), (np.array([0, 1]), np.array([2, 3])))
