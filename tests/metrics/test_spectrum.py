from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError
from isthmus.metrics.second_moments import SecondMoments
from isthmus.metrics.spectrum import effective_rank, effective_rank_from
from tests.reference import geometry as reference
from tests.strategies import make_space, rotation, seeds, spaces

both_libraries = pytest.mark.parametrize(
    "library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"]
)


@both_libraries
@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 1e-4), ("float32", 1e-4), ("float64", 1e-9)]
)
def test_effective_rank_equals_the_reference(library, centred, dtype, tolerance):
    x = make_space(seed=4, n=90, m=5, width=20, groups=5).x.astype(dtype)
    expected = reference.effective_rank(x, centred=centred)
    assert effective_rank(library(x), centred=centred) == pytest.approx(expected, abs=tolerance)


@given(spaces, seeds, st.booleans(), st.integers(1, 29))
def test_rotation_order_and_shards_change_nothing(space, seed, centred, cut):
    expected = reference.effective_rank(space.x, centred=centred)
    order = np.random.default_rng(seed).permutation(len(space.x))
    x = (space.x @ rotation(space.x.shape[1], seed))[order]
    merged = SecondMoments.of(x[:cut]).merge(SecondMoments.of(x[cut:]))
    assert effective_rank_from(merged, centred=centred) == pytest.approx(expected, abs=1e-5)
    assert 1 <= expected <= min(len(x) - centred, x.shape[1]) + 1e-9


@both_libraries
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n", "rank"), [(300, 5), (4, 4)])
def test_rank_counts_dimensions_that_are_spread_over_evenly(library, dtype, n, rank):
    axes = rotation(64, 0)[:rank].astype(dtype)
    x = library(axes[np.arange(n) % rank])
    assert effective_rank(x) == pytest.approx(rank, abs=1e-3)
    assert effective_rank(x, centred=True) == pytest.approx(rank - 1, abs=1e-3)


@both_libraries
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 3000])
def test_rows_at_one_point_have_rank_one_and_none_when_centred(library, dtype, n):
    rows = np.repeat(np.random.default_rng(0).normal(size=(1, 33)).astype(dtype), n, axis=0)
    assert effective_rank(library(rows)) == 1
    with pytest.raises(InputError, match="all rows coincide"):
        effective_rank(library(rows), centred=True)
