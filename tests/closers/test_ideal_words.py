from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus import Embeddings
from isthmus.closers import Centering, IdealWords
from tests.closers.spaces import gapped, images, one_line_refusal
from tests.reference.gap import unit
from tests.strategies import seeds


def imbalanced() -> Embeddings:
    """Three classes around an offset, each at one place; images mostly of one, texts of another."""
    words = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    labels = {"image": [0] * 8 + [1, 2], "text": [0, 1] + [2] * 8}
    offsets = {"image": 0.6, "text": -0.6}
    rows = {
        name: np.concatenate([np.full((10, 1), offsets[name]), 0.8 * words[own]], axis=1)
        for name, own in labels.items()
    }
    return Embeddings(rows, labels=labels)


def classed(n: int = 12, width: int = 5, **values: Any) -> Embeddings:
    rng = np.random.default_rng(0)
    rows = {name: rng.normal(size=(n, width)) for name in ("image", "text")}
    return Embeddings(rows, **values)


def centre(closer: IdealWords, name: str) -> np.ndarray:
    return -closer.as_affine(name).bias


@given(seeds, st.integers(1, 6))
def test_every_class_counts_alike(seed, classes):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, 20)])
    space = gapped(seed, len(labels))
    space = Embeddings(space.arrays, labels=labels)
    closer = IdealWords().fit(space)
    for name in space.names:
        rows = unit(space[name])
        expected = np.mean([rows[labels == c].mean(axis=0) for c in range(classes)], axis=0)
        np.testing.assert_allclose(centre(closer, name), expected, atol=1e-6)
        np.testing.assert_allclose(
            closer.transform(space[name], modality=name), unit(rows - expected), atol=1e-5
        )


@given(seeds, st.integers(1, 5))
def test_with_classes_of_one_size_it_is_centering(seed, classes):
    space = gapped(seed, 10 * classes)
    space = Embeddings(space.arrays, labels=np.arange(10 * classes) % classes)
    found, expected = (closer.fit(space).close(space) for closer in (IdealWords(), Centering()))
    np.testing.assert_allclose(found["text"], expected["text"], atol=1e-5)


@pytest.mark.parametrize("project", [False, True])
def test_a_planted_offset_is_recovered_from_unlike_classes(project):
    space = imbalanced()
    one_of_each = {"image": [0, 8, 9], "text": [0, 1, 2]}
    closed, centred = (
        [c.fit(space).transform(space[n][rows], modality=n) for n, rows in one_of_each.items()]
        for c in (IdealWords(project=project), Centering())
    )
    np.testing.assert_allclose(closed[0], closed[1], atol=1e-7)
    assert np.abs(centred[0] - centred[1]).max() > 0.1


def test_attributes_are_factors_beside_the_class():
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [-1.0, 0.0]])
    space = Embeddings(
        {"image": rows, "text": rows},
        labels=["cat", "cat", "cat", "dog"],
        attributes={"red": [1, 0, 0, 0], "named_red": [0, 0, 1, 1], "old": [0, 0, 0, 0]},
    )
    by_class = (rows[:3].mean(axis=0) + rows[3]) / 2
    by_red = (rows[0] + rows[1:].mean(axis=0)) / 2
    expected = (by_class + by_red) / 2  # 'named_red' and 'old', of one value, do not count
    np.testing.assert_allclose(centre(IdealWords().fit(space), "text"), expected, atol=1e-7)


def test_on_a_full_grid_it_is_the_mean_of_all():
    attribute, label = np.meshgrid([0, 1], np.arange(3))
    space = classed(6, labels=label.ravel(), attributes={"red": attribute.ravel()})
    closer = IdealWords().fit(space)
    for name in space.names:
        np.testing.assert_allclose(centre(closer, name), unit(space[name]).mean(axis=0), atol=1e-7)


def test_classes_of_one_modality_do_not_count():
    labels = {"image": [0, 1] * 6, "text": [0, 1, 2] * 4}
    space = classed(labels=labels)
    rows, own = unit(space["text"]), np.array(labels["text"])
    expected = (rows[own == 0].mean(axis=0) + rows[own == 1].mean(axis=0)) / 2
    np.testing.assert_allclose(centre(IdealWords().fit(space), "text"), expected, atol=1e-7)


def test_one_class_is_centred():
    space = classed(labels=["cat"] * 12)
    np.testing.assert_allclose(
        centre(IdealWords().fit(space), "text"), unit(space["text"]).mean(axis=0), atol=1e-7
    )


@given(seeds)
def test_projected_rows_lie_in_the_span_of_ideal_words(seed):
    space = gapped(seed)  # three classes
    closer = IdealWords(project=True).fit(space)
    projection = closer.as_affine("text").matrix
    np.testing.assert_allclose(projection @ projection, projection, atol=1e-9)
    np.testing.assert_allclose(projection, projection.T, atol=1e-12)
    assert np.isclose(np.trace(projection), 4)  # two modalities, three classes less their mean
    labels = space.labels["text"]
    words = np.stack([unit(space["text"])[labels == c].mean(axis=0) for c in range(3)])
    apart = words - words.mean(axis=0)
    np.testing.assert_allclose(apart @ projection, apart, atol=1e-6)
    plain = images(IdealWords().fit(space), space, "text")
    np.testing.assert_allclose(images(closer, space, "text"), plain @ projection, atol=1e-9)


def test_nothing_to_project_on_is_refused():
    message = one_line_refusal(lambda: IdealWords(project=True).fit(classed(labels=[1] * 12)))
    assert message.startswith("ideal words of all classes coincide")


REFUSED = {
    "no labels": (lambda: IdealWords().fit(classed()), "this closer learns from class labels"),
    "no labels, attributes": (
        lambda: IdealWords().fit(classed(attributes={"red": [0, 1] * 6})),
        "this closer learns from class labels",
    ),
    "no class in common": (
        lambda: IdealWords().fit(classed(labels={"image": [0] * 12, "text": [1] * 12})),
        "no class occurs in all modalities",
    ),
    "no choice": (lambda: IdealWords(project=1), "project must be True or False; found 1"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused(call, message):
    assert one_line_refusal(call).startswith(message)


def shard(space: Embeddings, rows: slice, **values: Mapping[str, Any]) -> Embeddings:
    assert space.labels is not None
    return Embeddings(
        {name: x[rows] for name, x in space.arrays.items()},
        groups={name: ids[rows] for name, ids in space.groups.items()},
        labels={name: own[rows] for name, own in space.labels.items()},
        **({"attributes": {a: v["text"][rows] for a, v in space.attributes.items()}} | values),
    )


@pytest.mark.parametrize("kind", ["strings", "numbers", "truths", "mixed widths"])
def test_shards_with_other_classes_add_up(kind, tmp_path):
    from isthmus.closers import load_closer

    labels: Any = {
        "strings": ["ant", "bee"] * 2 + ["bee", "caterpillar"] * 4,
        "numbers": [-5, 2**60] * 2 + [2**60, 7] * 4,
        "truths": [True, False] * 2 + [False] * 8,
        "mixed widths": np.array([1, 2] * 2 + [2, 3] * 4, np.uint8),
    }[kind]
    space = classed(labels=labels, attributes={"red": [0, 1] * 6})
    parts = shard(space, slice(0, 4)), shard(space, slice(4, 12))
    expected = IdealWords().fit(space)
    closer = IdealWords().partial_fit(parts[0])
    closer.save(tmp_path / "closer.safetensors")
    for again in (closer, load_closer(tmp_path / "closer.safetensors")):
        again.partial_fit(parts[1])
        assert again.statistics_.factors["label"].values == tuple(
            sorted(set(space.labels["text"].tolist()))
        )
        for name in space.names:
            np.testing.assert_allclose(centre(again, name), centre(expected, name), atol=1e-9)


def test_labels_of_signed_and_unsigned_numbers_do_not_merge():
    large = 2**63 - 1
    labels = {
        "image": np.array([large, large - 1] * 6, np.int64),
        "text": np.array([large, large - 1] * 6, np.uint64),
    }
    closer = IdealWords().fit(classed(labels=labels))
    assert closer.statistics_.factors["label"].values == (large - 1, large)


UNLIKE = {
    "another attribute": ({"attributes": {"blue": [0, 1] * 2}}, "the same labels and attributes"),
    "no attribute": ({"attributes": {}}, "the same labels and attributes"),
    "numbers": ({"labels": [1, 2] * 2}, "classes of shards must be of one kind"),
}


@pytest.mark.parametrize(("values", "message"), UNLIKE.values(), ids=UNLIKE)
def test_shards_that_do_not_fit_are_refused(values, message):
    space = classed(labels=["ant", "bee"] * 6, attributes={"red": [0, 1] * 6})
    closer = IdealWords().fit(shard(space, slice(0, 8)))
    other = {"attributes": {"red": [0, 1] * 2}, "labels": ["ant", "bee"] * 2} | values
    rest = Embeddings({n: x[8:] for n, x in space.arrays.items()}, **other)
    assert message in one_line_refusal(lambda: closer.partial_fit(rest))
