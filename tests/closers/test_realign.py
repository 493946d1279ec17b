from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings
from isthmus.closers import ReAlign
from tests.closers.spaces import gapped, images, one_line_refusal, rings
from tests.reference.gap import unit
from tests.strategies import seeds


def spread(rows: np.ndarray) -> float:
    return float(((rows - rows.mean(axis=0)) ** 2).sum(axis=1).mean())


@given(seeds, st.integers(3, 30), st.sampled_from([None, "a", "b", "c"]))
def test_mean_and_trace_become_those_of_the_target(seed, n, to):
    space = gapped(seed, n, names="abc")
    closer = ReAlign(to=to).fit(space)
    target = unit(space[to or "a"])
    for name in space.names:
        moved = images(closer, space, name)
        np.testing.assert_allclose(moved.mean(axis=0), target.mean(axis=0), atol=1e-9)
        np.testing.assert_allclose(spread(moved), spread(target), rtol=1e-6)


@given(seeds)
def test_the_target_stays_as_it_is(seed):
    space = gapped(seed)
    closed = ReAlign(to="text").fit(space).close(space)
    np.testing.assert_allclose(closed["text"], unit(space["text"]), atol=1e-12)


@pytest.mark.parametrize("to", ["image", "text"])
def test_a_planted_offset_and_scale_are_recovered(to):
    space = rings(image=[0.6, 0.8], text=[-0.8, 0.6])
    closed = ReAlign(to=to).fit(space).close(space)
    for name in space.names:
        np.testing.assert_allclose(closed[name], space[to], atol=1e-9)


def test_the_mean_square_length_before_projection_is_one():
    space = gapped(n=200)
    moved = images(ReAlign().fit(space), space, "text")
    np.testing.assert_allclose((moved**2).sum(axis=1).mean(), 1)


def test_a_target_that_is_unknown_is_refused():
    message = one_line_refusal(lambda: ReAlign(to="audio").fit(gapped()))
    assert message == "to='audio' is no modality of the calibration set: image, text"


@pytest.mark.parametrize("constant", ["image", "text"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_modality_at_one_point_is_refused(constant, dtype):
    rows = gapped().map(lambda n, x: (x[[3] * 40] if n == constant else x).astype(dtype))
    message = one_line_refusal(lambda: ReAlign().fit(rows))
    assert message.startswith(f"all rows of modality '{constant}' coincide")


@pytest.mark.parametrize("value", ["", 0, True])
def test_a_name_that_is_none_is_refused(value):
    message = one_line_refusal(lambda: ReAlign(to=value))
    assert message == f"to must be the name of a modality or None; found {value!r}"


def test_opposite_points_in_one_dimension():
    space = Embeddings(
        {"image": [[1.0], [-1.0]], "text": [[1.0], [1.0], [-1.0]]},
        groups={"image": [0, 1], "text": [0, 2, 1]},
    )
    closed = ReAlign().fit(space).close(space)
    assert closed["text"].tolist() == [[1.0], [1.0], [-1.0]]
