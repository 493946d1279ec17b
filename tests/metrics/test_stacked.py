from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import arrays
from isthmus.metrics.stacked import Stacked, stacked
from tests.strategies import seeds

LIBRARIES = pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["np", "torch"])


def make(seed: int, sizes: tuple[int, ...]) -> tuple[list[np.ndarray], np.ndarray]:
    """Arrays, and all their unit rows."""
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(n, 5)) for n in sizes]
    rows = np.concatenate(parts)
    return parts, rows / np.linalg.norm(rows, axis=1, keepdims=True)


@LIBRARIES
@pytest.mark.parametrize("sizes", [(4,), (4, 9), (3, 1, 8)])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_units_are_those_of_all_arrays(library, sizes, dtype):
    parts, _ = make(0, sizes)
    given = [part.astype(dtype) for part in parts]
    rows = np.concatenate(given).astype(np.float64)
    found = stacked([library(part) for part in given])
    assert found.shape == (sum(sizes), 5)
    expected = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert found.host().dtype == ("float64" if dtype == "float64" else "float32")
    np.testing.assert_allclose(found.host(), expected, atol=1e-6)
    assert found.nbytes() == found.host().nbytes


@given(seeds, st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 200), st.data())
def test_any_rows_can_be_read(seed, sizes, chunk_bytes, data):
    parts, unit = make(seed, tuple(sizes))
    rows = stacked(parts)
    start = data.draw(st.integers(0, len(unit) - 1))
    stop = data.draw(st.integers(start + 1, len(unit)))
    places = np.array(data.draw(st.lists(st.integers(0, len(unit) - 1), min_size=1, max_size=30)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK_BYTES", chunk_bytes)
        np.testing.assert_allclose(rows.units(slice(start, stop)), unit[start:stop], atol=1e-15)
    np.testing.assert_allclose(rows.at(places), unit[places], atol=1e-15)


def test_any_double_array_makes_all_rows_double():
    single, double = np.ones((2, 3), np.float32), np.ones((2, 3))
    assert stacked([single, single]).dtype == np.float32
    assert stacked([single, double]).host().dtype == np.float64
    assert stacked([single]).nbytes(np.float64) == 48


def test_a_stack_is_taken_as_it_is():
    rows = stacked([np.eye(2)])
    assert Stacked.of(rows) is rows
    assert Stacked.of(np.eye(2)).shape == (2, 2)
