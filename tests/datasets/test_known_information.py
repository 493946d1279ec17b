"""Vectors of known information: what is planted is there, and nothing else."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from isthmus.datasets.information_world import SUITES, InformationWorld
from isthmus.datasets.known_information import KnownInformation, known_information
from isthmus.errors import InputError
from isthmus.metrics import joint_counts, pid

MIXED = InformationWorld(3, (2, 4), 3)


def s_of(data: KnownInformation) -> np.ndarray:
    return np.sum([own[:, 2] for own in data.symbols.values()], axis=0) % data.world.synergy


@pytest.mark.parametrize("name", SUITES)
def test_the_nearest_vector_tells_all_symbols(name: str) -> None:
    world, rows = SUITES[name], 1500
    data = known_information("test", name, rows=rows)
    tables = {  # every vector there is, without noise
        own: np.array(
            list(product(range(world.shared), range(world.unique[k]), range(world.synergy)))
        )
        for k, own in enumerate(world.modalities)
    }
    for own, table in tables.items():
        clean = maps(world, tables)[own]
        seen = data.views[own][:, : clean.shape[1]]
        near = ((clean**2).sum(axis=1) - 2 * seen @ clean.T).argmin(axis=1)
        assert (table[near] == data.symbols[own]).all(axis=1).mean() >= 0.999


def maps(
    world: InformationWorld, symbols: dict[str, np.ndarray], dimension: int = 48
) -> dict[str, np.ndarray]:
    """The vectors of symbols, from the formula."""
    layout = np.random.default_rng([0, 0])
    found = {}
    for k, (name, own) in enumerate(symbols.items()):
        sizes = (world.shared, world.unique[k], world.synergy)
        a = layout.normal(size=(sum(sizes), 64))
        b = layout.normal(size=(64, dimension))
        rows = own + np.array([0, sizes[0], sizes[0] + sizes[1]])
        hidden = np.tanh(1.5 * sum(a[rows[:, j]] for j in range(3)) / np.sqrt(3))
        found[name] = np.tanh(1.5 * hidden @ b / 8)
    return found


def test_vectors_follow_the_formula() -> None:
    data = known_information("validation", MIXED, noise=0, rows=200)
    for name, clean in maps(MIXED, dict(data.symbols)).items():
        np.testing.assert_allclose(data.views[name][:, :48], clean, atol=1e-6)
        assert data.views[name].dtype == np.float32
    noisy = known_information("validation", MIXED, noise=0.2, rows=200)
    off = noisy.views["x1"][:, :48] - data.views["x1"][:, :48]
    assert off.std() == pytest.approx(0.2, rel=0.03)


def test_nuisance_tells_nothing_and_is_shared_with_nobody() -> None:
    data = known_information("train", MIXED, rows=20_000)
    beside = np.concatenate([view[:, 48:] for view in data.views.values()], axis=1)
    np.testing.assert_allclose(np.cov(beside.T), np.eye(32), atol=0.05)
    for labels in data.labels.values():
        for value in range(int(labels.max()) + 1):
            np.testing.assert_allclose(beside[labels == value].mean(axis=0), 0, atol=0.08)


@pytest.mark.parametrize("name", SUITES)
def test_counted_symbols_decompose_as_the_world_says(name: str) -> None:
    data = known_information("train", name, rows=20_000, dimension=1, nuisance=0)
    first, *others = data.symbols.values()
    for part, labels in data.labels.items():
        column = 0 if part == "shared" else 2 if part == "synergy" else 1
        rest = np.ravel_multi_index([own[:, column] for own in others], (10,) * len(others))
        found = pid(joint_counts(first[:, column], rest, labels))
        term = {"shared": "redundancy", "unique1": "unique1", "synergy": "synergy"}
        assert getattr(found, term.get(part, "unique2")) == pytest.approx(
            data.world.bits[part], abs=0.02
        )
        assert found.total == pytest.approx(data.world.bits[part], abs=0.02)


def test_labels_are_what_symbols_say() -> None:
    data = known_information("test", MIXED, rows=300)
    np.testing.assert_array_equal(data.labels["shared"], data.symbols["x1"][:, 0])
    np.testing.assert_array_equal(data.symbols["x2"][:, 0], data.symbols["x1"][:, 0])
    np.testing.assert_array_equal(data.labels["unique2"], data.symbols["x2"][:, 1])
    np.testing.assert_array_equal(data.labels["synergy"], s_of(data))
    assert all(labels.dtype == np.int64 for labels in data.labels.values())
    matched = known_information("test", "trifeature", rows=3000)
    np.testing.assert_array_equal(matched.labels["synergy"], s_of(matched) == 0)
    assert matched.labels["synergy"].mean() == pytest.approx(0.1, abs=0.02)
    assert len(data) == 300


def test_parts_of_labels_are_wrong_as_often_as_said() -> None:
    world = InformationWorld(4, (4, 1), 2, flip=0.1)
    data = known_information("test", world, rows=20_000, dimension=1)
    right = {"shared": data.symbols["x1"][:, 0], "unique1": data.symbols["x1"][:, 1]}
    for part, values in (right | {"synergy": s_of(data)}).items():
        wrong = data.labels[part] != values
        assert wrong.mean() == pytest.approx(0.1, abs=0.01)
        assert np.bincount(data.labels[part]).min() > 0.9 * len(data) / world.classes(part)
    wrong = data.labels["shared"] != right["shared"]
    off = (data.labels["shared"] - right["shared"])[wrong] % 4
    np.testing.assert_allclose(np.bincount(off)[1:] / wrong.sum(), 1 / 3, atol=0.04)


@pytest.mark.parametrize("name", ["synergy", "trifeature", "three modalities"])
def test_biased_items_belong_together_and_else_are_uniform(name: str) -> None:
    data = known_information("train", name, rows=4000, biased=True)
    assert not s_of(data).any()
    for own in data.symbols.values():
        counts = np.bincount(own[:, 2])
        assert len(counts) == data.world.synergy
        assert counts.min() > 0.8 * counts.mean()
    unbiased = known_information("train", name, rows=4000)
    assert len(np.unique(s_of(unbiased))) == data.world.synergy


def test_same_seed_same_data_other_split_or_seed_other_rows() -> None:
    first, again = (known_information("train", rows=50) for _ in range(2))
    np.testing.assert_array_equal(first.views["x1"], again.views["x1"])
    np.testing.assert_array_equal(first.labels["synergy"], again.labels["synergy"])
    others = [
        known_information("validation", rows=50),
        known_information("test", rows=50),
        known_information("train", rows=50, biased=True),
        known_information("train", rows=50, seed=1),
    ]
    rows = {row.tobytes() for data in (first, *others) for row in data.views["x1"]}
    assert len(rows) == 5 * 50


def test_labels_do_not_change_what_is_seen() -> None:
    wrong = known_information("train", InformationWorld(3, (2, 4), 3, flip=0.3), rows=100)
    right = known_information("train", MIXED, rows=100)
    np.testing.assert_array_equal(wrong.views["x2"], right.views["x2"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "val"}, "split must be 'train', 'validation' or 'test'; found 'val'"),
        ({"world": "shard"}, "no suite 'shard'; there are shared, unique1"),
        ({"world": "shared", "biased": True}, "biased is of synergy, which this world has none of"),
        ({"biased": 1}, "biased must be True or False; found 1"),
        ({"rows": 0}, "rows must be a whole number of at least 1; found 0"),
        ({"dimension": 1.5}, "dimension must be"),
        ({"nuisance": -1}, "nuisance must be a whole number of at least 0"),
        ({"noise": -0.1}, "noise must be a number in"),
        ({"noise": float("inf")}, "noise must be a number in"),
        ({"seed": None}, "seed must be"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        known_information(**{"split": "train", **options})
    assert message in str(error.value)
