from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings
from isthmus.closers import Centering, Standardising
from tests.closers.spaces import gapped, images, rings
from tests.strategies import seeds


@given(seeds, st.integers(5, 30), st.integers(2, 9))
def test_every_dimension_has_mean_zero_and_deviation_one(seed, n, width):
    space = gapped(seed, n, width)
    closer = Standardising().fit(space)
    for name in space.names:
        moved = images(closer, space, name)
        np.testing.assert_allclose(moved.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(moved.std(axis=0), 1, atol=1e-9)


def test_a_planted_scale_of_dimensions_is_recovered():
    space = rings(image=[0.6, 0.48, 0.64], text=[-0.8, 0.48, 0.36])
    closed = Standardising().fit(space).close(space)
    np.testing.assert_allclose(closed["image"], closed["text"], atol=1e-9)
    centred = Centering().fit(space).close(space)
    assert np.abs(centred["image"] - centred["text"]).max() > 0.1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_constant_dimension_is_centred_and_not_scaled(dtype):
    rows = rings(image=[0.6, 0.8], text=[-0.8, 0.6]).map(lambda _, x: x.astype(dtype))
    weights = np.diag(Standardising().fit(rows).as_affine("image").matrix)
    np.testing.assert_allclose(weights, [1, 2**0.5 / 0.8, 2**0.5 / 0.8], rtol=1e-3)


def test_modalities_need_no_pairs():
    space = gapped()
    few = Embeddings(space.arrays, groups={"image": np.arange(40), "text": np.arange(39, 79)})
    closers = [Standardising().fit(s) for s in (few, space)]
    np.testing.assert_array_equal(*(c.as_affine("text").bias for c in closers))
