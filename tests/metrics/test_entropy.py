from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError, arrays
from isthmus.metrics import strips
from isthmus.metrics.entropy import contrastive_loss, entropy_summary, softmax_entropy
from isthmus.objectives import InfoNCE
from tests.reference import entropy as reference
from tests.strategies import Space, make_space, rotation, seeds, spaces

TOLERANCE = {"float16": 2e-5, "float32": 2e-5, "float64": 1e-11}
LIBRARIES = pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["np", "torch"])
DTYPES = pytest.mark.parametrize("dtype", list(TOLERANCE))
TEMPERATURES = pytest.mark.parametrize("temperature", [0.02, 0.07, 1.0])
temperatures = st.floats(0.01, 10)


def both_ways(space: Space, temperature: float) -> tuple[float, float]:
    found = contrastive_loss(space.x, space.y, temperature=temperature, groups=space.groups)
    return found.x_to_y, found.y_to_x


def expected_both_ways(space: Space, temperature: float) -> tuple[float, float]:
    x, y, gx, gy = space.x, space.y, space.gx, space.gy
    return (
        reference.one_way(x, y, gx, gy, temperature),
        reference.one_way(y, x, gy, gx, temperature),
    )


@LIBRARIES
@DTYPES
@TEMPERATURES
def test_entropies_equal_the_reference(temperature, dtype, library):
    space = make_space(seed=1, n=40, m=60, width=24, groups=9)
    x, y = space.x.astype(dtype), space.y.astype(dtype)
    found = softmax_entropy(library(x), library(y), temperature=temperature)
    expected = reference.softmax_entropy(x, y, temperature)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE[dtype])


@LIBRARIES
@DTYPES
@TEMPERATURES
@pytest.mark.parametrize("groups", [1, 9, 40])
def test_losses_equal_the_reference(groups, temperature, dtype, library):
    space = make_space(seed=2, n=30, m=50, width=24, groups=groups)
    rounded = space.with_rows(space.x.astype(dtype), space.y.astype(dtype))
    found = both_ways(rounded.with_rows(library(rounded.x), library(rounded.y)), temperature)
    np.testing.assert_allclose(
        found, expected_both_ways(rounded, temperature), rtol=TOLERANCE[dtype]
    )


@given(spaces, temperatures)
def test_losses_and_entropies_equal_the_reference_on_any_groups(space, temperature):
    expected = reference.softmax_entropy(space.x, space.y, temperature)
    found = softmax_entropy(space.x, space.y, temperature=temperature)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    np.testing.assert_allclose(
        both_ways(space, temperature), expected_both_ways(space, temperature), atol=1e-9
    )


def test_published_loss(published):
    x, y = published["pairs/x"][:96], published["pairs/y"][:96]
    found = contrastive_loss(x.astype(np.float64), y.astype(np.float64), temperature=0.07)
    assert found.mean == pytest.approx(float(published["loss/clip_t0.07"]), rel=1e-7)


@pytest.mark.parametrize("groups", [None, [0, 1, 1, 2, 0, 0, 3, 4]])
def test_the_loss_is_that_of_the_objective(groups):
    rng = np.random.default_rng(4)
    x, y = (torch.from_numpy(rng.normal(size=(8, 5))) for _ in range(2))
    ids = None if groups is None else torch.tensor(groups)
    expected = InfoNCE(temperature=0.2)({"x": x, "y": y}, groups=ids).total.item()
    pair = None if groups is None else (groups, groups)
    assert contrastive_loss(x, y, temperature=0.2, groups=pair).mean == pytest.approx(expected)


@LIBRARIES
@DTYPES
@pytest.mark.parametrize("m", [1, 2, 300])
def test_equal_logits_give_the_logarithm_of_the_candidates(m, dtype, library):
    x = library(np.random.default_rng(0).normal(size=(7, 64)).astype(dtype))
    y = library(np.repeat(np.random.default_rng(1).normal(size=(1, 64)), m, axis=0).astype(dtype))
    found = softmax_entropy(x, y, temperature=0.07)
    np.testing.assert_allclose(found, np.full(7, math.log(m)), atol=TOLERANCE[dtype])
    loss = contrastive_loss(x, y, temperature=0.07, groups=([0] * 7, [0] * m))
    assert loss.x_to_y == pytest.approx(math.log(m), abs=TOLERANCE[dtype])


@pytest.mark.parametrize("temperature", [1e-6, 1e-3, 1e6])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_temperature_overflows(dtype, temperature):
    x = np.eye(6, dtype=dtype)
    entropy = softmax_entropy(x, x, temperature=temperature)
    loss = contrastive_loss(x, -x, temperature=temperature).mean
    hot = temperature > 1
    np.testing.assert_allclose(entropy, np.full(6, math.log(6) if hot else 0), atol=1e-5)
    assert loss == pytest.approx(math.log(6) if hot else 1 / temperature + math.log(5), rel=1e-5)


@given(spaces, temperatures)
def test_entropies_lie_between_zero_and_their_maximum(space, temperature):
    found = softmax_entropy(space.x, space.y, temperature=temperature)
    assert (found >= 0).all()
    assert (found <= math.log(len(space.y)) + 1e-12).all()


@given(spaces, temperatures, st.integers(1, 3000), st.integers(1, 500))
def test_strips_of_any_size_give_the_same(space, temperature, strip_bytes, chunk_bytes):
    entropy = softmax_entropy(space.x, space.y, temperature=temperature)
    loss = both_ways(space, temperature)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strips, "STRIP_BYTES", strip_bytes)
        patch.setattr(arrays, "CHUNK_BYTES", chunk_bytes)
        found = softmax_entropy(space.x, space.y, temperature=temperature)
        np.testing.assert_allclose(found, entropy, atol=1e-11)
        np.testing.assert_allclose(both_ways(space, temperature), loss, atol=1e-11)


@given(spaces, temperatures, seeds)
def test_rotation_and_order_change_nothing(space, temperature, seed):
    turn, rng = rotation(space.x.shape[1], seed), np.random.default_rng(seed)
    i, j = rng.permutation(len(space.x)), rng.permutation(len(space.y))
    moved = Space(space.x[i] @ turn, space.y[j] @ turn, space.gx[i], space.gy[j])
    before = softmax_entropy(space.x, space.y, temperature=temperature)
    after = softmax_entropy(moved.x, moved.y, temperature=temperature)
    np.testing.assert_allclose(after, before[i], atol=1e-10)
    np.testing.assert_allclose(
        both_ways(moved, temperature), both_ways(space, temperature), atol=1e-10
    )


@given(spaces, temperatures)
def test_shards_of_the_queries_make_up_the_whole(space, temperature):
    half = len(space.x) // 2
    shards = [
        softmax_entropy(x, space.y, temperature=temperature)
        for x in (space.x[:half], space.x[half:])
    ]
    whole = softmax_entropy(space.x, space.y, temperature=temperature)
    np.testing.assert_allclose(np.concatenate(shards), whole, atol=1e-11)


def test_the_summary_is_that_of_the_entropies():
    space = make_space(seed=3, n=30, m=20, width=6, groups=4)
    entropies = softmax_entropy(space.x, space.y, temperature=0.1)
    found = entropy_summary(space.x, space.y, temperature=0.1, quantiles=(0, 0.5, 1))
    assert found.mean == pytest.approx(sum(entropies) / 30)
    assert found.std == pytest.approx(math.sqrt(sum((entropies - found.mean) ** 2) / 30))
    assert found.quantiles == {
        0: min(entropies),
        0.5: pytest.approx(np.median(entropies)),
        1: max(entropies),
    }
    assert found.maximum == math.log(20)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("metric", [softmax_entropy, entropy_summary, contrastive_loss])
def test_impossible_temperatures_are_refused(metric, temperature):
    with pytest.raises(InputError, match=f"positive and finite; found {temperature}"):
        metric(np.eye(2), np.eye(2), temperature=temperature)


@pytest.mark.parametrize("quantile", [-0.1, 1.5, math.nan])
def test_impossible_quantiles_are_refused(quantile):
    with pytest.raises(InputError, match=f"found {quantile}"):
        entropy_summary(np.eye(2), np.eye(2), temperature=1, quantiles=(0.5, quantile))


@pytest.mark.parametrize(
    ("y", "groups", "message"),
    [
        (np.eye(3)[:2], None, "3 and 2 of them"),
        (np.eye(3), ([0, 1, 2], [3, 4, 5]), "no query matches"),
        (np.ones((3, 4)), None, "equally many columns"),
    ],
)
def test_rows_that_do_not_fit_are_refused(y, groups, message):
    with pytest.raises(InputError, match=message):
        contrastive_loss(np.eye(3), y, temperature=1, groups=groups)
