from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError, arrays
from isthmus.metrics.second_moments import SecondMoments
from tests.reference import geometry as reference
from tests.reference.gap import unit
from tests.strategies import make_space, rotation, seeds, spaces

PRECISIONS = [("float16", 1e-7), ("float32", 1e-7), ("float64", 1e-14)]


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
def test_mean_and_covariance_equal_the_reference(library, dtype, tolerance):
    x = make_space(seed=1, n=300, m=5, width=24, groups=3).x.astype(dtype)
    found = SecondMoments.of(library(x))
    np.testing.assert_allclose(found.mean, unit(x).mean(axis=0), atol=tolerance)
    np.testing.assert_allclose(found.covariance, reference.covariance(x), atol=tolerance)
    assert found.variance == pytest.approx(np.trace(reference.covariance(x)), abs=4 * tolerance)
    assert found.product.dtype == found.total.dtype == np.float64
    assert found.moments.mean_cosine == pytest.approx(
        (unit(x) @ unit(x).T).sum() / 89700 - 300 / 89700, abs=1e-6
    )


@given(spaces, st.lists(st.integers(0, 30), max_size=4))
def test_merged_shards_are_the_whole(space, cuts):
    shards = [shard for shard in np.split(space.x, sorted(cuts)) if len(shard)]
    merged = SecondMoments.of(shards[0])
    for shard in shards[1:]:
        merged = merged.merge(SecondMoments.of(shard))
    whole = SecondMoments.of(space.x)
    assert merged.count == whole.count == len(space.x)
    np.testing.assert_allclose(merged.total, whole.total, atol=1e-12)
    np.testing.assert_allclose(merged.product, whole.product, atol=1e-12)


@given(spaces, seeds, st.integers(1, 6))
def test_the_whole_less_a_part_is_the_rest(space, seed, n):
    parts = np.random.default_rng(seed).integers(0, n, len(space.x))
    whole, found = SecondMoments.of(space.x), SecondMoments.of_parts(space.x, parts, n)
    for k, part in enumerate(found):
        rest = whole.minus(part)
        expected = unit(space.x)[parts != k] if (parts != k).any() else np.zeros((0, 1))
        assert (part.count, rest.count) == ((parts == k).sum(), len(expected))
        if rest.count:
            np.testing.assert_allclose(rest.total, expected.sum(axis=0), atol=1e-12)
            np.testing.assert_allclose(rest.product, expected.T @ expected, atol=1e-12)


@given(spaces, st.integers(1, 500))
def test_chunks_of_any_size_give_the_same(space, chunk_bytes):
    whole = SecondMoments.of(space.x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK_BYTES", chunk_bytes)
        np.testing.assert_allclose(SecondMoments.of(space.x).product, whole.product, atol=1e-12)


@given(spaces, seeds, st.booleans())
def test_eigenvalues_are_squared_singular_values_and_no_rotation_changes_them(space, seed, centred):
    rows = unit(space.x) - (unit(space.x).mean(axis=0) if centred else 0)
    squares = np.linalg.svd(rows, compute_uv=False) ** 2 / len(rows)
    expected = np.zeros(space.x.shape[1])
    expected[: len(squares)] = squares
    found = SecondMoments.of(space.x).eigenvalues(centred=centred)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    turned = SecondMoments.of(space.x @ rotation(space.x.shape[1], seed))
    np.testing.assert_allclose(turned.eigenvalues(centred=centred), expected, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 3000])
def test_rows_at_one_point_have_exactly_no_variance(n, dtype):
    point = np.random.default_rng(n).normal(size=(1, 33)).astype(dtype)
    found = SecondMoments.of(np.repeat(point, n, axis=0))
    assert found.variance == 0
    assert not found.eigenvalues().any()
    np.testing.assert_allclose(found.eigenvalues(centred=False), np.eye(33)[0], atol=1e-6)


def test_ranks_below_the_width_leave_exact_zeros_in_single_precision():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(500, 6)) @ rng.normal(size=(6, 64))).astype(np.float32)
    assert np.count_nonzero(SecondMoments.of(x).eigenvalues()) == 6
    assert np.count_nonzero(SecondMoments.of(x[:4]).eigenvalues()) == 3
    assert np.count_nonzero(SecondMoments.of(x[:4]).eigenvalues(centred=False)) == 4


@pytest.mark.parametrize("way", ["merge", "minus"])
def test_other_widths_are_refused(way):
    with pytest.raises(InputError, match="found 2 and 3 dimensions"):
        getattr(SecondMoments.of(np.ones((2, 2))), way)(SecondMoments.of(np.ones((2, 3))))


def test_more_rows_than_there_are_cannot_be_removed():
    with pytest.raises(InputError, match="moments of 3 rows from those of 2"):
        SecondMoments.of(np.eye(2)).minus(SecondMoments.of(np.ones((3, 2))))


def test_no_rows_have_no_mean():
    two = SecondMoments.of(np.eye(2))
    with pytest.raises(InputError, match="moments of no rows"):
        _ = two.minus(two).covariance
