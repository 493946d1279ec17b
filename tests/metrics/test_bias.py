from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from scipy.stats import kendalltau

from isthmus import InputError
from isthmus.metrics.bias import caption_presence_bias, factor_bias, moad
from isthmus.metrics.class_moments import ClassMoments
from tests.reference import groups as reference
from tests.strategies import rotation, seeds

GOLDEN_TOLERANCE = 1e-6  # the inputs and the published code are in single precision

libraries = pytest.mark.parametrize(
    "library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"]
)
precisions = pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 1e-6), ("float32", 1e-6), ("float64", 1e-12)]
)


def world(seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, objects, and attributes of which each row may have several."""
    rng = np.random.default_rng(seed)
    objects, held = rng.integers(0, 4, n), rng.random((n, 5)) < 0.4
    objects[:3], held[:3] = [0, 0, 1], np.eye(5, dtype=bool)[[0, 0, 1]]
    x = rng.normal(size=(n, 6)) + np.eye(6)[objects]
    return x, objects, held


def test_published_intra_means(published):
    found = moad(published["bias/features"], published["bias/object"], published["bias/attributes"])
    intra = found.object.intra, found.attributes[0].intra
    expected = [float(published[f"bias/{kind}_mean_intra_sim"]) for kind in ("object", "attribute")]
    assert intra == pytest.approx(expected, abs=GOLDEN_TOLERANCE)


@libraries
@precisions
def test_moad_equals_the_reference(library, dtype, tolerance):
    x, objects, held = world(0)
    x = x.astype(dtype)
    found = moad(library(x), objects, held)
    of_object, of_held = reference.factor_bias(x, objects), reference.multi_hot_bias(x, held)
    assert (found.object.intra, found.object.cross) == pytest.approx(of_object, abs=tolerance)
    attribute = found.attributes[0]
    assert (attribute.intra, attribute.cross) == pytest.approx(of_held, abs=tolerance)
    assert found.moad == pytest.approx(
        of_object[0] - of_object[1] - of_held[0] + of_held[1], abs=4 * tolerance
    )


@given(seed=seeds)
def test_factors_equal_the_reference(seed):
    x, objects, held = world(seed, n=20)
    held[3] = [True, False, True, False, True]
    found = moad(x, objects, held, factors=[[0, 1], [4]])
    pair, single = reference.multi_hot_bias(x, held[:, :2]), reference.factor_bias(x, held[:, 4])
    deltas = [pair[0] - pair[1], single[0] - single[1]]
    assert [bias.delta for bias in found.attributes] == pytest.approx(deltas, abs=1e-12)
    assert found.attribute_delta == pytest.approx(np.mean(deltas), abs=1e-12)


@given(seed=seeds)
def test_neither_a_rotation_nor_the_order_of_rows_changes_moad(seed):
    x, objects, held = world(seed)
    order = np.random.default_rng(seed).permutation(len(x))
    changed = moad((x @ rotation(6, seed))[order], objects[order], held[order])
    assert changed.moad == pytest.approx(moad(x, objects, held).moad, abs=1e-10)


@given(seed=seeds)
def test_class_moments_of_shards_merge_to_those_of_the_whole(seed):
    x, objects, _ = world(seed)
    whole = ClassMoments.of(x, objects, 4)
    merged = ClassMoments.of(x[:13], objects[:13], 4).merge(
        ClassMoments.of(x[13:], objects[13:], 4)
    )
    assert (
        merged.counts.tolist()
        == whole.counts.tolist()
        == np.bincount(objects, minlength=4).tolist()
    )
    np.testing.assert_allclose(merged.totals, whole.totals, atol=1e-12)


def test_equal_partitions_have_no_bias():
    x, objects, _ = world(1)
    assert moad(x, objects, np.eye(4, dtype=bool)[objects]).moad == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_at_one_point_have_no_bias(dtype):
    _, objects, held = world(2)
    found = moad(np.full((40, 3), 0.3, dtype=dtype), objects, held)
    assert found.object.intra == pytest.approx(1, abs=1e-6)
    assert found.moad == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("kind", "sign"), [(0, 1), (1, -1)])
def test_the_sign_says_which_factor_arranges_the_space(kind, sign):
    values = np.random.default_rng(0).integers(0, 3, (2, 60))
    x = np.eye(3)[values[kind]]
    found = moad(x, values[0], np.eye(3, dtype=bool)[values[1]])
    assert sign * found.moad > 0.8


@pytest.mark.parametrize(
    ("objects", "held", "options", "message"),
    [
        ([0, 1, 2, 3], np.eye(2)[[0, 0, 1, 1]], {}, "no two rows share a value in their labels"),
        ([0, 0, 0, 0], np.eye(2)[[0, 0, 1, 1]], {}, "no two rows differ in their labels"),
        ([0, 0, 1, 1], np.eye(4), {}, r"no two rows share a value in their attributes"),
        ([0, 0, 1, 1], np.ones((4, 2)), {"factors": []}, "at least one list of columns"),
        ([0, 0, 1, 1], np.ones((4, 2)), {"factors": [[2]]}, r"0 to 1; found \[2\]"),
        ([0, 0, 1, 1], np.ones((4, 2)), {"factors": [[]]}, r"found \[\]"),
        ([0, 0, 1, 1], np.full((4, 2), 0.5), {}, "true or false; found dtype float64"),
        ([0, 0, 1, 1], np.ones((3, 2)), {}, r"\(4, A\); found shape \(3, 2\)"),
        ([0, 0], np.eye(2)[[0, 0, 1, 1]], {}, r"shape \(4,\); found shape \(2,\)"),
    ],
)
def test_what_has_no_pairs_or_does_not_fit_is_refused(objects, held, options, message):
    with pytest.raises(InputError, match=message):
        moad(np.random.default_rng(0).normal(size=(4, 3)), objects, held, **options)


def presence(rates: list[float], weights: list[float]):
    """Three factors that arrange a space by `weights` and are named at `rates`."""
    rng = np.random.default_rng(0)
    values = {name: rng.integers(0, 3, 300) for name in "abc"}
    x = np.concatenate([w * np.eye(3)[v] for w, v in zip(weights, values.values(), strict=True)], 1)
    named = {
        n: rng.permutation(np.arange(300) < 300 * r) for n, r in zip("abc", rates, strict=True)
    }
    return x, values, named


@pytest.mark.parametrize(
    ("rates", "kendall"), [((0.9, 0.5, 0.1), 1), ((0.1, 0.5, 0.9), -1), ((0.5, 0.5, 0.5), None)]
)
def test_bias_follows_what_captions_name(rates, kendall):
    x, values, named = presence(list(rates), [3.0, 2.0, 1.0])
    found = caption_presence_bias(x, values, named)
    assert found.kendall == kendall
    assert list(found.rates.values()) == pytest.approx(rates)
    assert found.deltas["a"] == factor_bias(x, values["a"]).delta


def test_presence_correlation_is_kendall_s():
    x, values, named = presence([0.5, 0.9, 0.1], [3.0, 2.0, 1.0])
    found = caption_presence_bias(x, values, named)
    expected = kendalltau(list(found.deltas.values()), [0.5, 0.9, 0.1]).statistic
    assert found.kendall == pytest.approx(expected)


@pytest.mark.parametrize(
    ("factors", "named", "message"),
    [
        ({"a": [0, 0, 1]}, {"a": [1, 1, 1]}, "two or more; found a and a"),
        ({"a": [0, 0, 1], "b": [0, 0, 1]}, {"a": [1, 1, 1]}, "the same keys"),
        ({"a": [0, 0, 1], "b": [0, 0, 1]}, {"a": [1, 1, 1], "b": [1, 1]}, r"named\['b'\]"),
        ({"a": [0, 0, 1], "b": [0, 0, 1]}, {"a": [1, 1, 1], "b": [1, 1, 2]}, r"named\['b'\]"),
    ],
)
def test_factors_and_names_that_do_not_fit_are_refused(factors, named, message):
    with pytest.raises(InputError, match=message):
        caption_presence_bias(np.eye(3), factors, named)
