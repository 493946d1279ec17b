from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError, arrays, matching
from isthmus.metrics import dimension_gap, l2i, l2m, mean_angular_value, pair_cosine, rmg
from tests.reference import gap as reference
from tests.strategies import Space, make_space, rotation, seeds, spaces

GOLDEN_TOLERANCE = 1e-6  # the inputs and the published code are in single precision

Metric = Callable[[Space], float]

METRICS: dict[str, tuple[Metric, Metric]] = {
    "l2m": (lambda s: l2m(s.x, s.y), lambda s: reference.l2m(s.x, s.y)),
    "l2i": (
        lambda s: l2i(s.x, s.y, groups=s.groups),
        lambda s: reference.l2i(s.x, s.y, *s.groups),
    ),
    "pair_cosine": (
        lambda s: pair_cosine(s.x, s.y, groups=s.groups),
        lambda s: reference.pair_cosine(s.x, s.y, *s.groups),
    ),
    "rmg": (
        lambda s: rmg(s.x, s.y, groups=s.groups),
        lambda s: reference.rmg(s.x, s.y, *s.groups),
    ),
}
every_metric = pytest.mark.parametrize(
    "metric", [ours for ours, _ in METRICS.values()], ids=METRICS
)


def golden_space(published: dict[str, Any], kind: str) -> Space:
    if kind == "pairs":
        x, y = published["pairs/x"], published["pairs/y"]
        return Space(x, y, np.arange(len(x)), np.arange(len(y)))
    x, y = published[f"{kind}/images"], published[f"{kind}/texts"]
    if kind == "labelled":
        return Space(x, y, published["labelled/labels"], np.arange(len(y)))
    return Space(x, y, np.arange(len(x)), published["captions/text_to_image"])


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("pairs", "l2m"),
        ("pairs", "rmg"),
        ("labelled", "l2m"),
        ("labelled", "rmg"),
        ("labelled", "l2i"),
        ("captions", "l2m"),
        ("captions", "rmg"),
        ("captions", "l2i"),
    ],
)
def test_published_values(published, kind, name):
    ours, slow = METRICS[name]
    space = golden_space(published, kind)
    expected = float(published[f"{kind}/{name}"])
    assert ours(space) == pytest.approx(expected, abs=GOLDEN_TOLERANCE)
    if len(space.x) * len(space.y) < 50_000:
        assert slow(space) == pytest.approx(expected, abs=GOLDEN_TOLERANCE)


def test_published_mean_angular_value(published):
    expected = float(published["pairs/mean_angular_x"])
    assert mean_angular_value(published["pairs/x"]) == pytest.approx(expected, abs=GOLDEN_TOLERANCE)


def test_pairs_by_position_are_pairs_by_number(golden):
    space = golden_space(golden, "pairs")
    for metric in (l2i, pair_cosine, rmg):
        by_number = metric(space.x, space.y, groups=space.groups)
        assert metric(space.x, space.y) == pytest.approx(by_number, abs=1e-7)


def as_numpy(x: np.ndarray, dtype: str, folder: Path) -> Any:
    return x.astype(dtype)


def as_torch(x: np.ndarray, dtype: str, folder: Path) -> Any:
    return torch.from_numpy(x.astype(dtype))


def as_memory_map(x: np.ndarray, dtype: str, folder: Path) -> Any:
    path = folder / f"{len(x)}.npy"
    np.save(path, x.astype(dtype))
    return np.load(path, mmap_mode="r")


@pytest.mark.parametrize("form", [as_numpy, as_torch, as_memory_map])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 1e-6), ("float32", 1e-6), ("float64", 1e-12)]
)
@pytest.mark.parametrize("name", METRICS)
def test_metrics_equal_the_reference(name, dtype, tolerance, form, tmp_path):
    ours, slow = METRICS[name]
    space = make_space(seed=5, n=60, m=45, width=24, groups=20)
    given_rows = space.with_rows(form(space.x, dtype, tmp_path), form(space.y, dtype, tmp_path))
    exact = space.with_rows(space.x.astype(dtype), space.y.astype(dtype))
    assert ours(given_rows) == pytest.approx(slow(exact), abs=tolerance)


@pytest.mark.parametrize("form", [as_numpy, as_torch, as_memory_map])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float16", 1e-6), ("float32", 1e-6), ("float64", 1e-12)]
)
def test_dimension_gap_and_cone_equal_the_reference(dtype, tolerance, form, tmp_path):
    space = make_space(seed=6, n=60, m=45, width=24, groups=20)
    x, y = form(space.x, dtype, tmp_path), form(space.y, dtype, tmp_path)
    exact_x, exact_y = space.x.astype(dtype), space.y.astype(dtype)
    np.testing.assert_allclose(
        dimension_gap(x, y), reference.dimension_gap(exact_x, exact_y), atol=tolerance
    )
    expected = reference.mean_angular_value(exact_x)
    assert mean_angular_value(x) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize("name", METRICS)
@given(space=spaces)
def test_metrics_equal_the_reference_on_any_groups(name, space):
    ours, slow = METRICS[name]
    assert ours(space) == pytest.approx(slow(space), abs=1e-10)


@every_metric
@given(space=spaces, chunk_bytes=st.integers(1, 500), pair_chunk=st.integers(1, 50))
def test_chunks_of_any_size_give_the_same(metric, space, chunk_bytes, pair_chunk):
    whole = metric(space)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK_BYTES", chunk_bytes)
        patch.setattr(matching, "PAIR_CHUNK", pair_chunk)
        assert metric(space) == pytest.approx(whole, abs=1e-10)


@every_metric
@given(space=spaces, seed=seeds)
def test_a_common_rotation_changes_nothing(metric, space, seed):
    turn = rotation(space.x.shape[1], seed)
    turned = space.with_rows(space.x @ turn, space.y @ turn)
    assert metric(turned) == pytest.approx(metric(space), abs=1e-10)


@every_metric
@given(space=spaces, seed=seeds)
def test_the_order_of_rows_changes_nothing(metric, space, seed):
    rng = np.random.default_rng(seed)
    i, j = rng.permutation(len(space.x)), rng.permutation(len(space.y))
    shuffled = Space(space.x[i], space.y[j], space.gx[i], space.gy[j])
    assert metric(shuffled) == pytest.approx(metric(space), abs=1e-10)


@pytest.mark.parametrize("metric", [l2i, pair_cosine, rmg, l2m])
@given(seed=seeds, n=st.integers(2, 20))
def test_a_common_order_of_paired_rows_changes_nothing(metric, seed, n):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, n, 5))
    order = rng.permutation(n)
    assert metric(x[order], y[order]) == pytest.approx(metric(x, y), abs=1e-10)


@every_metric
@given(space=spaces, seed=seeds)
def test_the_length_of_a_row_changes_nothing(metric, space, seed):
    rng = np.random.default_rng(seed)
    longer = space.with_rows(
        space.x * 10 ** rng.uniform(-20, 20, (len(space.x), 1)),
        space.y * 10 ** rng.uniform(-20, 20, (len(space.y), 1)),
    )
    assert metric(longer) == pytest.approx(metric(space), abs=1e-10)


@every_metric
@given(space=spaces)
def test_modalities_may_change_places(metric, space):
    assert metric(space.swapped) == pytest.approx(metric(space), abs=1e-10)


@every_metric
@given(space=spaces, factor=st.integers(-5, 5).filter(bool), offset=st.integers(-9, 9))
def test_only_equality_of_ids_counts(metric, space, factor, offset):
    renamed = Space(space.x, space.y, space.gx * factor + offset, space.gy * factor + offset)
    assert metric(renamed) == pytest.approx(metric(space), abs=1e-10)


@given(space=spaces)
def test_values_stay_in_their_ranges(space):
    assert 0 <= rmg(space.x, space.y, groups=space.groups) < 1
    assert 0 <= l2m(space.x, space.y) <= 2
    assert 0 <= l2i(space.x, space.y, groups=space.groups) <= 2 + 1e-12
    assert -1 - 1e-12 <= pair_cosine(space.x, space.y, groups=space.groups) <= 1 + 1e-12


@given(space=spaces)
def test_l2m_is_the_length_of_the_dimension_gap(space):
    length = np.linalg.norm(dimension_gap(space.x, space.y))
    assert l2m(space.x, space.y) == pytest.approx(length, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_identical_sets_have_no_gap(dtype):
    x = np.random.default_rng(0).normal(size=(50, 16)).astype(dtype)
    assert l2m(x, x) == 0
    assert l2i(x, x) == 0
    assert rmg(x, x) == pytest.approx(0, abs=1e-6)
    assert pair_cosine(x, x) == pytest.approx(1, abs=1e-6)


def test_independent_uniform_spheres_are_halfway():
    x, y = np.random.default_rng(0).normal(size=(2, 2000, 32))
    assert rmg(x, y) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 3, 50])
@pytest.mark.parametrize("seed", range(4))
def test_everything_at_one_point_has_no_gap(seed, n, dtype):
    point = np.random.default_rng(seed).normal(size=(1, 16)).astype(dtype)
    rows = np.repeat(point, n, axis=0)
    assert rmg(rows, rows) == 0
    assert rmg(rows, rows[:2], groups=([0] * n, [0] * 2)) == 0
    assert l2m(rows, rows) == pytest.approx(0, abs=1e-6)
    assert mean_angular_value(rows) == pytest.approx(1, abs=1e-6)


TWO_POINTS = {
    "opposite": ([[-1.0, 0.0]] * 3, 2, -1),
    "orthogonal": ([[0.0, 5.0]] * 3, 2**0.5, 0),
    "equal but for length": ([[7.0, 0.0]] * 3, 0, 1),
}


@pytest.mark.parametrize(("y", "distance", "cosine"), TWO_POINTS.values(), ids=TWO_POINTS)
def test_two_points(y, distance, cosine):
    x, y = np.array([[1.0, 0.0]] * 3), np.array(y)
    assert l2m(x, y) == pytest.approx(distance)
    assert l2i(x, y) == pytest.approx(distance)
    assert pair_cosine(x, y) == pytest.approx(cosine)
    assert rmg(x, y) == pytest.approx(1 if distance else 0)


def test_orthogonal_modalities():
    x = np.eye(6)[:3]
    y = np.eye(6)[3:]
    assert l2m(x, y) == pytest.approx((2 / 3) ** 0.5)
    assert l2i(x, y) == pytest.approx(2**0.5)
    assert pair_cosine(x, y) == 0
    assert mean_angular_value(x) == 0
    assert rmg(x, y) == pytest.approx(0.5)


def test_a_narrow_cone_away_from_another_nears_one():
    rng = np.random.default_rng(0)
    x = np.array([1.0, 0.0, 0.0]) + 0.01 * rng.normal(size=(100, 3))
    y = np.array([0.0, 1.0, 0.0]) + 0.01 * rng.normal(size=(100, 3))
    assert 0.99 < rmg(x, y) < 1


@pytest.mark.parametrize("metric", [l2i, pair_cosine, rmg])
@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (None, "there are 3 and 2 of them"),
        (([0, 1], [0, 1]), r"groups of x must be one id per row, shape \(3,\); found shape \(2,\)"),
        (([0, 1, 2], [0]), r"groups of y must be one id per row, shape \(2,\); found shape \(1,\)"),
        (([0, 1, 2], [5, 6]), "no row of the one modality matches"),
    ],
)
def test_groups_that_do_not_fit_are_refused(metric, groups, message):
    with pytest.raises(InputError, match=message):
        metric(np.eye(3), np.eye(3)[:2], groups=groups)


@pytest.mark.parametrize("groups", [(["a", "b", "b"], ["b", "a"]), ([1, 0, 0], [0, 1])])
def test_ids_may_be_strings_or_integers(groups):
    x = np.random.default_rng(0).normal(size=(3, 4))
    expected = reference.l2i(x, x[:2], [0, 1, 1], [1, 0])
    assert l2i(x, x[:2], groups=groups) == pytest.approx(expected)


@pytest.mark.parametrize("metric", [l2m, l2i, pair_cosine, rmg, dimension_gap])
@pytest.mark.parametrize("width", [1, 4])
def test_other_widths_are_refused(metric, width):
    with pytest.raises(InputError, match="3"):
        metric(np.eye(3), np.ones((3, width)))


@pytest.mark.parametrize("metric", [mean_angular_value, lambda x: rmg(x, x)])
def test_one_row_has_no_spread(metric):
    with pytest.raises(InputError, match="at least two rows"):
        metric(np.ones((1, 3)))
