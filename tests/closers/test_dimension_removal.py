from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings
from isthmus.closers import DimensionRemoval
from isthmus.metrics import dimension_ablation, l2m, rmg
from tests.closers.spaces import gapped, one_line_refusal
from tests.reference.gap import unit
from tests.strategies import seeds


@given(seeds, st.integers(1, 5))
def test_it_does_what_the_ablation_measures(seed, k):
    space = gapped(seed)
    measured = dimension_ablation(*space.arrays.values(), counts=[k])
    closed = DimensionRemoval(k=k).fit(space).close(space)
    for x in closed.arrays.values():
        assert set(np.flatnonzero((x == 0).all(axis=0))) == set(measured.dimensions)
    np.testing.assert_allclose(l2m(*closed.arrays.values()), measured.l2m[0], atol=1e-9)
    np.testing.assert_allclose(rmg(*closed.arrays.values()), measured.rmg[0], atol=1e-9)


def test_of_several_modalities_the_largest_difference_counts():
    means = {"a": [0.5, 0.1, 0.3], "b": [0.5, 0.2, 0.3], "c": [0.5, 0.15, 0.9]}
    space = Embeddings({name: [mean, mean] for name, mean in means.items()})
    found = DimensionRemoval(k=1).fit(space).as_affine("a").matrix
    units = unit(np.array(list(means.values())))
    assert np.diag(found).argmin() == np.ptp(units, axis=0).argmax() == 2


def test_a_gap_in_one_dimension_is_removed():
    rng = np.random.default_rng(0)
    rows, offset = rng.normal(size=(50, 4)), np.array([0, 0, 5, 0])
    space = Embeddings({"image": rows + offset, "text": rows - offset})
    closed = DimensionRemoval(k=1).fit(space).close(space)
    np.testing.assert_allclose(closed["image"], closed["text"], atol=1e-9)


def test_what_is_removed_cannot_be_given_back():
    closer = DimensionRemoval(k=1).fit(gapped())
    message = one_line_refusal(lambda: closer.inverse_transform(np.eye(6), modality="text"))
    assert "removes directions" in message


def test_a_row_with_nothing_else_is_refused():
    rows = np.eye(3)
    closer = DimensionRemoval(k=1).fit(Embeddings({"image": rows, "text": rows + 5 * rows[0]}))
    message = one_line_refusal(lambda: closer.transform(rows[[1, 0]], modality="image"))
    assert message.startswith("no direction is left of row 1 of modality 'image'")


@pytest.mark.parametrize("k", [6, 7, 10**400])
def test_some_dimension_must_be_left(k):
    message = one_line_refusal(lambda: DimensionRemoval(k=k).fit(gapped()))
    assert message == f"k must leave a dimension: found k={k} for rows of 6 dimensions"


@pytest.mark.parametrize("value", [0, -1, 1.5, "2", None, True])
def test_a_number_that_is_none_is_refused(value):
    message = one_line_refusal(lambda: DimensionRemoval(k=value))
    assert message == f"k must be a whole number of at least 1; found {value!r}"


def test_numbers_of_numpy_are_numbers(tmp_path):
    closer = DimensionRemoval(k=np.int64(2)).fit(gapped())
    closer.save(tmp_path / "closer.safetensors")
    assert closer.parameters() == {"k": 2}
