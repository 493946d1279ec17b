from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings, measure
from isthmus.closers import Centering
from tests.closers.spaces import one_line_refusal
from tests.reference.gap import unit
from tests.strategies import seeds


def gapped(seed: int = 0, n: int = 40, width: int = 6) -> Embeddings:
    rng = np.random.default_rng(seed)
    return Embeddings(
        {
            "image": rng.normal(size=(n, width)) + rng.normal(size=width),
            "text": rng.normal(size=(n, width)) - rng.normal(size=width),
        }
    )


@given(seeds, st.integers(3, 30), st.integers(2, 9))
def test_transform_is_centred_unit_rows(seed, n, width):
    space = gapped(seed, n, width)
    closer = Centering().fit(space)
    for name, x in space.arrays.items():
        centred = unit(x) - unit(x).mean(axis=0)
        np.testing.assert_allclose(centred.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(
            closer.transform(x, modality=name), unit(centred), rtol=1e-7, atol=1e-9
        )


@given(seeds, st.integers(3, 30), st.integers(2, 9))
def test_the_mean_of_calibration_data_goes_to_the_origin(seed, n, width):
    space = gapped(seed, n, width)
    closer = Centering().fit(space)
    for name, x in space.arrays.items():
        matrix, bias = closer.as_affine(name)
        np.testing.assert_allclose((unit(x) @ matrix.T + bias).mean(axis=0), 0, atol=1e-12)


@given(seeds, st.integers(3, 30), st.integers(2, 9))
def test_inverse_transform_gives_the_unit_rows_back(seed, n, width):
    space = gapped(seed, n, width)
    closer = Centering().fit(space)
    for name, x in space.arrays.items():
        closed = closer.transform(x, modality=name)
        back = closer.inverse_transform(closed, modality=name)
        np.testing.assert_allclose(back, unit(x), atol=1e-9)


@given(seeds, st.integers(3, 30), st.integers(2, 9))
def test_inverse_transform_of_any_rows_is_a_right_inverse(seed, n, width):
    closer = Centering().fit(gapped(seed, n, width))
    z = np.random.default_rng(seed + 1).normal(size=(5, width))
    back = closer.inverse_transform(z, modality="text")
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, rtol=1e-9)
    np.testing.assert_allclose(closer.move(back, modality="text")[0], unit(z), atol=1e-7)


def test_closing_closes_the_gap():
    space = gapped(n=400)
    before = measure(space).pairs[0].l2m
    after = measure(Centering().fit(space).close(space)).pairs[0].l2m
    assert before > 0.3
    assert after < 0.1


def test_means_and_counts_are_those_of_each_modality():
    space = Embeddings(
        {"image": [[2.0, 0.0], [0.0, 3.0]], "text": [[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]},
        groups={"image": [0, 1], "text": [0, 0, 1]},
    )
    closer = Centering().fit(space)
    np.testing.assert_allclose(closer.means_["image"], [0.5, 0.5])
    np.testing.assert_allclose(closer.means_["text"], [1 / 3, 0])
    assert {name: found.count for name, found in closer.calibration_.items()} == {
        "image": 2,
        "text": 3,
    }


def test_modalities_may_be_calibrated_on_rows_that_do_not_match():
    space = Embeddings(
        {"image": np.eye(3), "text": np.eye(3)[[0, 1]]}, groups={"image": [0, 7, 8], "text": [0, 5]}
    )
    assert Centering().fit(space).close(space).groups["text"].tolist() == [0, 5]


def test_closing_does_not_modify_its_input():
    space = gapped()
    before = {name: x.copy() for name, x in space.arrays.items()}
    closer = Centering().fit(space)
    means = {name: mean.copy() for name, mean in closer.means_.items()}
    closed = closer.close(space)
    closer.inverse_transform(closed["image"], modality="image")
    for name in space.names:
        np.testing.assert_array_equal(space[name], before[name])
        np.testing.assert_array_equal(closer.means_[name], means[name])


FITTED = Centering().fit(gapped(width=4))

REFUSED = {
    "unseen modality": (
        lambda: FITTED.transform(np.ones((2, 4)), modality="audio"),
        "not fitted on a modality 'audio'; it knows image, text",
    ),
    "unseen modality, inverse": (
        lambda: FITTED.inverse_transform(np.ones((2, 4)), modality="audio"),
        "not fitted on a modality 'audio'",
    ),
    "unseen modality, affine": (lambda: FITTED.as_affine("audio"), "modality 'audio'"),
    "too wide": (
        lambda: FITTED.transform(np.ones((2, 5)), modality="text"),
        "fitted on 4 dimensions; found an array of shape (2, 5)",
    ),
    "too narrow": (lambda: FITTED.transform(np.ones((2, 1)), modality="text"), "shape (2, 1)"),
    "one axis": (lambda: FITTED.transform(np.ones(4), modality="text"), "shape (4,)"),
    "too wide, inverse": (
        lambda: FITTED.inverse_transform(np.ones((2, 5)), modality="text"),
        "shape (2, 5)",
    ),
    "too narrow, inverse": (
        lambda: FITTED.inverse_transform(np.ones((2, 1)), modality="text"),
        "shape (2, 1)",
    ),
    "unfitted transform": (
        lambda: Centering().transform(np.ones((2, 4)), modality="text"),
        "not fitted yet",
    ),
    "unfitted inverse": (
        lambda: Centering().inverse_transform(np.ones((2, 4)), modality="text"),
        "not fitted yet",
    ),
    "unfitted affine": (lambda: Centering().as_affine("text"), "not fitted yet"),
    "unfitted state": (lambda: Centering().state(), "not fitted yet"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused(call, message):
    assert message in one_line_refusal(call)


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_a_row_equal_to_the_mean_is_refused_by_its_index(library):
    space = Embeddings({"image": np.array([[0.0, 1.0]] * 3), "text": np.eye(2)[[0, 0, 1]]})
    closer = Centering().fit(space)
    rows = library(np.array([[1.0, 0.0], [3.0, 1.0], [0.0, 5.0]]))
    message = one_line_refusal(lambda: closer.transform(rows, modality="image"))
    assert "row 2 of modality 'image'" in message


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 3, 7, 50])
def test_a_modality_at_one_point_is_refused(n, dtype, library):
    rng = np.random.default_rng(0)
    point = np.repeat(rng.normal(size=(1, 16)), n, axis=0).astype(dtype)
    space = Embeddings({"image": library(point), "text": library(rng.normal(size=(n, 16)))})
    closer = Centering().fit(space)
    message = one_line_refusal(lambda: closer.transform(space["image"], modality="image"))
    assert "row 0 of modality 'image'" in message
