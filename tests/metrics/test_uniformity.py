from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError, arrays
from isthmus.metrics import group_sums as sums_module
from isthmus.metrics import pair_cosine
from isthmus.metrics import uniformity as uniformity_module
from isthmus.metrics.second_moments import SecondMoments
from isthmus.metrics.uniformity import (
    Estimate,
    alignment,
    gaussian_uniformity,
    pair_centroids,
    wasserstein_uniformity,
    wasserstein_uniformity_from,
)
from isthmus.progress import watched
from tests.reference import geometry as reference
from tests.strategies import make_space, rotation, seeds, spaces

both_libraries = pytest.mark.parametrize(
    "library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"]
)
PRECISIONS = pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 2e-6), ("float32", 2e-6), ("float64", 1e-12)]
)


@both_libraries
@PRECISIONS
def test_everything_equals_the_reference(library, dtype, tolerance):
    space = make_space(seed=4, n=90, m=70, width=8, groups=30)
    x, y = space.x.astype(dtype), space.y.astype(dtype)
    a, b = library(x), library(y)
    found = gaussian_uniformity(a, t=3.0)
    assert found.value == pytest.approx(reference.gaussian_uniformity(x, 3.0), abs=tolerance)
    assert (found.error, found.rows) == (0, 90)
    centroids = pair_centroids(a, b, groups=space.groups)
    assert isinstance(centroids, type(a))
    np.testing.assert_allclose(
        centroids, reference.pair_centroids(x, y, *space.groups), atol=tolerance
    )
    expected = reference.wasserstein_uniformity(x)
    assert wasserstein_uniformity(a) == pytest.approx(expected, abs=tolerance)
    aligned = 2 - 2 * pair_cosine(a, b, groups=space.groups)
    assert alignment(a, b, groups=space.groups) == pytest.approx(aligned, abs=1e-12)


def test_published_wasserstein_uniformity(published):
    both = SecondMoments.of(published["pairs/x"]).merge(SecondMoments.of(published["pairs/y"]))
    expected = float(published["pairs/uniformity_wasserstein"])
    found = wasserstein_uniformity_from(both, epsilon=1e-8)
    assert found == pytest.approx(expected, abs=1e-7)
    assert wasserstein_uniformity_from(both) == pytest.approx(expected, abs=1e-6)


@given(spaces, seeds, st.integers(1, 2000), st.floats(0.1, 20))
def test_tiles_rotation_and_order_change_nothing(space, seed, tile_bytes, t):
    expected = reference.gaussian_uniformity(space.x, t)
    order = np.random.default_rng(seed).permutation(len(space.x))
    x = (space.x @ rotation(space.x.shape[1], seed))[order]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uniformity_module, "TILE_BYTES", tile_bytes)
        assert gaussian_uniformity(x, t=t).value == pytest.approx(expected, abs=1e-9)
    whole = wasserstein_uniformity(space.x)
    assert wasserstein_uniformity(x) == pytest.approx(whole, abs=1e-9)
    assert -(2**0.5) <= whole <= 0
    assert -4 * t <= expected <= 0


@given(spaces, st.integers(1, 29))
def test_wasserstein_uniformity_of_merged_shards_is_that_of_the_whole(space, cut):
    shards = [shard for shard in np.split(space.x, [cut]) if len(shard)]
    merged = SecondMoments.of(shards[0])
    for shard in shards[1:]:
        merged = merged.merge(SecondMoments.of(shard))
    whole = wasserstein_uniformity(space.x)
    assert wasserstein_uniformity_from(merged) == pytest.approx(whole, abs=1e-9)


@given(spaces, st.integers(1, 9), st.integers(1, 500))
def test_centroids_equal_the_reference_in_chunks_of_any_size(space, rows, chunk_bytes):
    expected = reference.pair_centroids(space.x, space.y, *space.groups)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums_module, "ROWS", rows)
        patch.setattr(arrays, "CHUNK_BYTES", chunk_bytes)
        found = pair_centroids(space.x, space.y, groups=space.groups)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_share_of_tiles_is_told(monkeypatch):
    monkeypatch.setattr(uniformity_module, "TILE_BYTES", 8 * 4**2)
    told = []
    with watched(lambda _, done: told.append(done)):
        gaussian_uniformity(np.eye(10))
    assert len(told) == 6
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


@both_libraries
def test_centroids_of_rows_paired_by_position(library):
    x, y = np.random.default_rng(0).normal(size=(2, 700, 5))
    expected = reference.pair_centroids(x, y, range(700), range(700))
    np.testing.assert_allclose(pair_centroids(library(x), library(y)), expected, atol=1e-12)


def test_centroids_may_mix_precisions():
    x, y = np.random.default_rng(0).normal(size=(2, 9, 4))
    found = pair_centroids(torch.from_numpy(x).float(), torch.from_numpy(y))
    assert found.dtype == torch.float64
    expected = reference.pair_centroids(x.astype(np.float32), y, range(9), range(9))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@both_libraries
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 3, 700])
def test_everything_at_one_point_is_least_uniform(library, dtype, n):
    rows = np.repeat(np.random.default_rng(n).normal(size=(1, 33)).astype(dtype), n, axis=0)
    assert wasserstein_uniformity(library(rows)) == pytest.approx(-(2**0.5), abs=1e-7)
    assert gaussian_uniformity(library(rows)).value == pytest.approx(0, abs=1e-6)
    assert alignment(library(rows), library(rows)) == 0


def test_one_row_is_least_uniform():
    assert wasserstein_uniformity(np.ones((1, 3))) == pytest.approx(-(2**0.5))


@both_libraries
def test_a_uniform_sphere_is_most_uniform(library):
    x = library(np.random.default_rng(0).normal(size=(4000, 16)).astype(np.float32))
    assert wasserstein_uniformity(x) == pytest.approx(0, abs=0.05)
    # E exp(2t u·v) over the sphere is a Bessel function; in 16 dimensions, about exp(2t²/D).
    assert gaussian_uniformity(x, t=1.0).value == pytest.approx(-2 + 2 / 16, abs=0.01)


def test_an_even_cross_is_exactly_uniform():
    x = np.concatenate([np.eye(6), -np.eye(6)])
    assert wasserstein_uniformity(x) == pytest.approx(0, abs=1e-7)


def test_opposite_rows_do_not_underflow_at_the_largest_t():
    x = np.array([[1.0, 0.0], [-1.0, 0.0]], np.float32)
    assert gaussian_uniformity(x, t=20.0).value == pytest.approx(-80, rel=1e-6)


def test_samples_estimate_the_whole_within_their_errors():
    x = np.random.default_rng(0).normal(size=(450, 4)) + np.eye(4)[0]
    whole = gaussian_uniformity(x).value
    found = [gaussian_uniformity(x, sample=300, seed=seed) for seed in range(200)]
    assert {estimate.rows for estimate in found} == {300}
    z = np.array([(estimate.value - whole) / estimate.error for estimate in found])
    assert abs(z.mean()) < 0.25
    assert 0.8 < z.std() < 1.25


def test_the_error_is_the_jackknife_s():
    x = np.random.default_rng(0).normal(size=(40, 4))
    drawn = x[np.sort(np.random.default_rng(5).choice(40, 12, replace=False))]
    found = gaussian_uniformity(x, sample=12, seed=5)
    assert found.value == pytest.approx(reference.gaussian_uniformity(drawn, 2.0), abs=1e-12)
    without = [reference.gaussian_uniformity(np.delete(drawn, i, axis=0), 2.0) for i in range(12)]
    variance = 11 / 12 * sum((value - np.mean(without)) ** 2 for value in without)
    assert found.error == pytest.approx(math.sqrt(variance * (1 - 12 / 40)), rel=1e-9)


def test_a_sample_of_all_rows_is_exact_and_a_seed_is_repeatable():
    x = np.random.default_rng(0).normal(size=(30, 4))
    exact = gaussian_uniformity(x)
    assert gaussian_uniformity(x, sample=30) == gaussian_uniformity(x, sample=99) == exact
    first = gaussian_uniformity(x, sample=10, seed=3)
    assert first == gaussian_uniformity(x, sample=10, seed=3)
    assert first != gaussian_uniformity(x, sample=10, seed=4)


@both_libraries
def test_samples_are_the_same_rows_in_every_library(library):
    x = np.random.default_rng(0).normal(size=(30, 4))
    expected = gaussian_uniformity(x, sample=12)
    found = gaussian_uniformity(library(x), sample=12)
    assert isinstance(found, Estimate)
    assert (found.value, found.error) == pytest.approx((expected.value, expected.error))


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (1, {}, "at least two rows; found 1"),
        (5, {"t": 0.0}, "above 0 and at most 20; found 0"),
        (5, {"t": 21}, "above 0 and at most 20; found 21"),
        (5, {"t": math.nan}, "above 0 and at most 20; found nan"),
        (5, {"sample": 2}, "at least 3 rows; found 2"),
    ],
)
def test_what_has_no_uniformity_is_refused(rows, options, message):
    with pytest.raises(InputError, match=message):
        gaussian_uniformity(np.ones((rows, 2)), **options)


@pytest.mark.parametrize(
    ("x", "y", "groups", "message"),
    [
        (np.eye(3), np.eye(3)[:2], None, "there are 3 and 2 of them"),
        (np.eye(3), np.eye(4), None, "equally many columns"),
        (np.eye(3), np.eye(3), ([0, 1, 2], [3, 4, 5]), "no row of the one modality matches"),
        (np.eye(3), -np.eye(3), None, "the rows of 3 matched groups cancel"),
    ],
)
def test_what_has_no_centroid_is_refused(x, y, groups, message):
    with pytest.raises(InputError, match=message):
        pair_centroids(x, y, groups=groups)
