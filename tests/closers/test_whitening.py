from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import oas

from isthmus import Embeddings
from isthmus.closers import Centering, Standardising, Whitening
from isthmus.closers.whitening import oracle_shrinkage
from isthmus.metrics.second_moments import SecondMoments
from tests.closers.spaces import gapped, images, one_line_refusal, rings
from tests.reference.gap import unit
from tests.strategies import rotation, seeds


@given(seeds, st.integers(15, 40), st.integers(2, 6))
def test_to_the_letter_the_covariance_becomes_the_identity(seed, n, width):
    space = gapped(seed, n, width)
    closer = Whitening(shrinkage=0).fit(space)
    for name in space.names:
        moved = images(closer, space, name)
        np.testing.assert_allclose(moved.mean(axis=0), 0, atol=1e-7)
        np.testing.assert_allclose(np.cov(moved.T, bias=True), np.eye(width), atol=1e-6)
        matrix = closer.as_affine(name).matrix
        np.testing.assert_allclose(matrix, matrix.T, rtol=1e-9)
        assert np.linalg.eigvalsh(matrix)[0] > 0


@given(seeds, st.integers(2, 40), st.floats(0.05, 0.95))
def test_it_inverts_the_root_of_the_shrunk_covariance(seed, n, share):
    space = gapped(seed, n)
    matrix = Whitening(shrinkage=share).fit(space).as_affine("text").matrix
    covariance = np.cov(unit(space["text"]).T, bias=True)
    shrunk = (1 - share) * covariance + share * np.trace(covariance) / 6 * np.eye(6)
    np.testing.assert_allclose(matrix @ shrunk @ matrix, np.eye(6), atol=1e-7)


@given(seeds, st.integers(3, 30))
def test_shrunk_to_the_end_it_is_centering(seed, n):
    space = gapped(seed, n)
    found, expected = (c.fit(space).close(space) for c in (Whitening(shrinkage=1), Centering()))
    np.testing.assert_allclose(found["text"], expected["text"], atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_stretch_of_turned_axes_is_recovered(seed):
    turn = rotation(5, seed)
    space = rings(image=[0.6, 0.48, 0.64], text=[-0.8, 0.48, 0.36]).map(lambda _, x: x @ turn)
    # the offset's own direction does not vary: a trace of shrinkage makes up for it
    closed = Whitening(shrinkage=1e-9).fit(space).close(space)
    np.testing.assert_allclose(closed["image"], closed["text"], atol=1e-6)
    by_axis = Standardising().fit(space).close(space)
    assert np.abs(by_axis["image"] - by_axis["text"]).max() > 0.01


@pytest.mark.parametrize(("n", "width"), [(30, 50), (200, 50), (2000, 50), (40, 8)])
def test_the_oracle_is_the_published_one(n, width):
    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, width)) * np.linspace(1, 3, width) + 1
    s = np.cov(unit(x).T, bias=True)
    t, squares = np.trace(s), np.trace(s @ s)
    top = (1 - 2 / width) * squares + t**2
    expected = top / ((n + 1 - 2 / width) * (squares - t**2 / width))
    found = oracle_shrinkage(SecondMoments.of(x))
    assert 0 < found < 1
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(found, oas(unit(x))[1], rtol=0.05)  # which leaves out 2/D


def test_the_oracle_shrinks_fewer_rows_more():
    shares = [oracle_shrinkage(SecondMoments.of(gapped(n=n)["text"])) for n in (5, 50, 500)]
    assert shares == sorted(shares, reverse=True)
    assert oracle_shrinkage(SecondMoments.of(np.eye(2))) == 1
    assert oracle_shrinkage(SecondMoments.of(np.array([[1.0], [-1.0]]))) == 1


@pytest.mark.parametrize("shrinkage", [0.01, 0.8, 1, None])
def test_fewer_rows_than_dimensions_are_whitened(shrinkage):
    space = gapped(n=5, width=12)
    closed = Whitening(shrinkage=shrinkage).fit(space).close(space)
    np.testing.assert_allclose(np.linalg.norm(closed["text"], axis=1), 1)


def test_fewer_rows_than_dimensions_need_shrinkage():
    message = one_line_refusal(lambda: Whitening(shrinkage=0).fit(gapped(n=5, width=12)))
    assert message == (
        "the covariance of modality 'image' is singular (4 of 12 directions vary, in 5 rows): "
        "give a shrinkage above 0"
    )


@pytest.mark.parametrize("shrinkage", [0, 0.8, None])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_modality_at_one_point_is_refused(shrinkage, dtype):
    space = gapped().map(lambda n, x: (x[[3] * 40] if n == "text" else x).astype(dtype))
    message = one_line_refusal(lambda: Whitening(shrinkage=shrinkage).fit(space))
    assert message.startswith("all rows of modality 'text' coincide")


def test_modalities_need_no_pairs():
    space = gapped()
    few = Embeddings(space.arrays, groups={"image": np.arange(40), "text": np.arange(39, 79)})
    biases = [Whitening().fit(s).as_affine("text").bias for s in (few, space)]
    np.testing.assert_array_equal(*biases)


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, "auto", True])
def test_a_shrinkage_outside_its_range_is_refused(value):
    message = one_line_refusal(lambda: Whitening(shrinkage=value))
    assert message == f"shrinkage must be a number in [0, 1]; found {value!r}"
