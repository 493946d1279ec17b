"""Trifeature pictures, and pairs of them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from isthmus.datasets.bimodal_trifeature import BimodalTrifeature, bimodal_trifeature
from isthmus.datasets.trifeature import Trifeature, trifeature
from isthmus.datasets.trifeature_draw import COLOURS, Poses, draw, period
from isthmus.datasets.trifeature_shapes import SHAPES
from isthmus.datasets.trifeature_textures import TEXTURES
from isthmus.errors import InputError


def upright(count: int) -> Poses:
    """Nothing is turned, and every shape is in the middle."""
    half = np.full((count, 2), 0.5, np.float32)
    none = np.zeros((count, 2), np.float32)
    return Poses(none, half, none, np.arange(count, dtype=np.uint32))


def drawn(
    *, shape: str = "square", texture: str = "solid", colour: str = "white", side: int = 224
) -> NDArray[np.int64]:
    """One picture of an upright shape."""
    labels = (
        list(SHAPES).index(shape),
        list(TEXTURES).index(texture),
        list(COLOURS).index(colour),
    )
    found = draw(*(np.array([label]) for label in labels), upright(1), side=side)
    return found[0].astype(np.int64)


def kinds(pictures: Trifeature) -> list[tuple[int, int, int]]:
    columns = (pictures.shapes, pictures.textures, pictures.colours)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_splits_have_800_and_200_combinations_and_none_in_common() -> None:
    train, test = (trifeature(split, side=16) for split in ("train", "test"))  # type: ignore[arg-type]
    first, second = kinds(train), kinds(test)
    assert (len(train), len(test)) == (2400, 200)
    assert all(first.count(kind) == 3 for kind in set(first))
    assert len(set(second)) == 200
    assert set(first) | set(second) == set(itertools.product(range(10), repeat=3))
    assert train.images.shape == (2400, 16, 16, 3)
    assert (train.images.dtype, train.shapes.dtype) == (np.uint8, np.int64)


def test_there_are_as_many_pictures_of_a_combination_as_are_asked_for() -> None:
    few, paper, many = (
        trifeature("train", side=16, per_combination=count, balanced=True) for count in (1, 3, 5)
    )
    assert (len(few), len(paper), len(many)) == (800, 2400, 4000)
    assert set(kinds(few)) == set(kinds(paper)) == set(kinds(many))
    assert len(np.unique(many.images.reshape(4000, -1), axis=0)) == 4000
    assert np.array_equal(trifeature("train", side=16, balanced=True).images, paper.images)
    tests = [trifeature("test", side=16, per_combination=count).images for count in (1, 5)]
    assert np.array_equal(*tests)
    pairs = bimodal_trifeature("train", side=16, per_combination=5, biased=False, pairs=400)
    assert pairs.pairs.max() > 2400


@pytest.mark.parametrize(
    ("split", "biased", "balanced", "count"),
    [  # the paper's split: what the released code counts at its seed
        ("train", False, False, 576_846),
        ("train", True, False, 57_636),
        ("test", False, False, 4_094),
        ("test", True, False, 404),
        ("train", False, True, 576_000),
        ("train", True, True, 57_600),
        ("test", False, True, 4_000),
        ("test", True, True, 400),
    ],
)
def test_all_pairs_of_one_shape_are_counted(
    split: Any, biased: bool, balanced: bool, count: int
) -> None:
    found = bimodal_trifeature(split, side=16, pairs=None, biased=biased, balanced=balanced)
    assert len(found) == count
    assert len(np.unique(found.pairs, axis=0)) == count
    shapes = found.pictures.shapes[found.pairs]
    assert (shapes[:, 0] == shapes[:, 1]).all()


def test_the_four_tasks() -> None:
    found = bimodal_trifeature("train", side=16, biased=False, rows=400, pairs=500)
    pictures = found.pictures
    assert sorted(found.mapping) == list(range(10))
    for row in range(500):
        first, second = found.pairs[row]
        expected = {
            "shared": pictures.shapes[second],
            "unique1": pictures.textures[first],
            "unique2": pictures.textures[second],
            "synergy": found.mapping[pictures.textures[first]] == pictures.colours[second],
        }
        for task, label in expected.items():
            assert found.labels(task)[row] == label  # type: ignore[arg-type]
    assert 0 < found.labels("synergy").mean() < 0.3
    assert found.labels("synergy").dtype == np.int64
    biased = bimodal_trifeature("train", side=16, rows=400, pairs=500)
    assert biased.labels("synergy").all()
    np.testing.assert_array_equal(biased.mapping, found.mapping)


def shares(pairs: BimodalTrifeature, which: int) -> NDArray[np.float64]:
    """Of the pairs with a picture, the share that belongs together, for every picture."""
    own, y = pairs.pairs[:, which], pairs.labels("synergy")
    return np.bincount(own, y) / np.bincount(own)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("which", [0, 1])
def test_in_a_balanced_split_a_picture_alone_tells_nothing_of_synergy(
    split: Any, which: int
) -> None:
    found = bimodal_trifeature(split, side=16, pairs=None, biased=False, balanced=True)
    np.testing.assert_allclose(shares(found, which), 0.1, rtol=1e-12)
    paper = bimodal_trifeature(split, side=16, pairs=None, biased=False)
    assert np.ptp(shares(paper, which)) > 0.04


def told(pairs: BimodalTrifeature, which: tuple[int, ...]) -> NDArray[np.float64]:
    """What pictures show, each as places among shape × texture and shape × colour."""
    pictures, columns = pairs.pictures, []
    for k in which:
        own = pairs.pairs[:, k]
        for factor in (pictures.textures, pictures.colours):
            columns.append(np.eye(100)[10 * pictures.shapes[own] + factor[own]])
    if len(which) == 2:
        first, second = pairs.pairs.T
        columns.append(np.eye(100)[10 * pictures.textures[first] + pictures.colours[second]])
    return np.concatenate(columns, axis=1)


@pytest.mark.parametrize(
    ("balanced", "which", "least", "most"),
    [  # the known shapes, textures and colours of one picture, and of both
        (True, (0,), 0.49, 0.51),
        (True, (1,), 0.49, 0.51),
        (True, (0, 1), 1.0, 1.0),
        (False, (0,), 0.30, 0.49),  # what is learnt in training is wrong in testing
    ],
)
def test_synergy_is_decoded_from_both_pictures_and_from_neither_alone(
    balanced: bool, which: tuple[int, ...], least: float, most: float
) -> None:
    train, test = (
        bimodal_trifeature(split, side=16, pairs=None, biased=False, balanced=balanced)  # type: ignore[arg-type]
        for split in ("train", "test")
    )
    model = LogisticRegression(class_weight="balanced", max_iter=200)
    kept = 60_000 if len(which) == 1 else 10_000
    part = BimodalTrifeature(train.pictures, train.pairs[:kept], train.mapping)
    model.fit(told(part, which), part.labels("synergy"))
    found = balanced_accuracy_score(test.labels("synergy"), model.predict(told(test, which)))
    assert least <= found <= most


@pytest.mark.parametrize("biased", [True, False])
def test_pairs_follow_from_their_seed_and_the_mapping_from_its_own(biased: bool) -> None:
    def pairs(**options: int) -> BimodalTrifeature:
        return bimodal_trifeature("test", side=16, pairs=200, biased=biased, **options)

    first, again = pairs(), pairs()
    np.testing.assert_array_equal(first.pairs, again.pairs)
    np.testing.assert_array_equal(first.pictures.images, again.pictures.images)
    other = pairs(seed=1)
    assert (other.pairs != first.pairs).any()
    assert (other.pictures.images != first.pictures.images).any()
    np.testing.assert_array_equal(other.mapping, first.mapping)
    np.testing.assert_array_equal(other.pictures.shapes, first.pictures.shapes)
    remapped = pairs(mapping_seed=1)
    assert (remapped.mapping != first.mapping).any()
    np.testing.assert_array_equal(remapped.pictures.images, first.pictures.images)
    resplit = pairs(split_seed=1)
    assert kinds(resplit.pictures) != kinds(first.pictures)
    np.testing.assert_array_equal(resplit.mapping, first.mapping)


def test_a_picture_does_not_depend_on_how_many_there_are() -> None:
    every, some = trifeature("train", side=16), trifeature("train", side=16, rows=90)
    assert len(some) == 90
    known = {image.tobytes(): kind for image, kind in zip(every.images, kinds(every), strict=True)}
    for image, kind in zip(some.images, kinds(some), strict=True):
        assert known[image.tobytes()] == kind
    assert len(set(kinds(some))) > 80
    assert (trifeature("train", side=16, rows=90, seed=1).images != some.images).any()


@pytest.mark.parametrize(
    ("shape", "share"),
    [  # of the square that a shape fills, by its construction
        ("square", 1),
        ("circle", np.pi / 4),
        ("triangle", 1 / 2),
        ("plus", 5 / 9),
        ("tee", 5 / 9),
        ("rhombus", 1 / 2),
        ("pentagon", 0.4 * 0.5 + 0.6 * (1 - 0.6 / 3.1)),
        ("fivesquare", 5 / 9),
        ("trapezoid", 1 - 1 / 3.1),
    ],
)
@pytest.mark.parametrize("side", [224, 64])
def test_upright_shapes_have_their_areas(shape: str, share: float, side: int) -> None:
    ink = (drawn(shape=shape, side=side) - 128).sum() / (127 * 3)
    assert ink / (128 / 224 * side) ** 2 == pytest.approx(share, rel=0.02)


def test_shapes_stand_the_right_way_up() -> None:
    def rows(shape: str) -> NDArray[np.int64]:
        """White pixels in each row of the shape."""
        return (drawn(shape=shape)[48:176, :, 0] > 200).sum(axis=1)

    assert np.abs(rows("triangle") - np.arange(0.5, 128)).max() <= 2
    assert (np.diff(rows("trapezoid")) <= 0).all()
    assert (rows("tee")[:42] == 128).all()
    assert (rows("tee")[44:] < 44).all()
    star = drawn(shape="star")[48:176, 48:176, 0] > 200
    np.testing.assert_array_equal(star, star[:, ::-1])
    assert star[52].sum() > 118
    assert not star[120, 64]
    slanted = drawn(shape="rhombus")[48:176, 48:176, 0] > 200
    assert slanted[0].nonzero()[0].mean() - slanted[-1].nonzero()[0].mean() == pytest.approx(
        64, abs=3
    )


@pytest.mark.parametrize(
    ("texture", "share"),
    [  # of the plane that is ink, in the limit
        ("solid", 1),
        ("stripes", 0.3),
        ("grid", 1 - 0.7**2),
        ("dots", np.pi * 0.4**2),
        ("noise", 0.5),
        ("triangles", 0.5),
        ("zigzags", 0.5),
        ("rain", 1 - 0.95**7),
        ("pluses", (1 - 0.7**2 + 0.3 + 0.7 * 0.3 - 0.3 * 0.3) / 2),
    ],
)
def test_textures_have_their_share_of_ink(texture: str, share: float) -> None:
    inside = drawn(texture=texture, side=560)[150:400, 150:400, 0]  # ten periods of 25
    assert (inside.mean() - 127.5) / 127.5 == pytest.approx(
        share, abs=0.05 if texture == "rain" else 0.02
    )


def test_textures_repeat_as_the_papers_do_but_never_too_finely() -> None:
    assert (period(224), period(64), period(448)) == (10, 7, 20)
    lines = drawn(texture="stripes")[60:160, 100, 0]
    np.testing.assert_array_equal(lines[:-10], lines[10:])
    assert np.ptp(lines) > 120
    lines = drawn(texture="stripes", side=64)[16:48, 30, 0]
    np.testing.assert_array_equal(lines[:-7], lines[7:])


def test_colours_are_on_grey() -> None:
    for name, rgb in COLOURS.items():
        picture = drawn(colour=name, side=64)
        np.testing.assert_array_equal(picture[0, 0], [128] * 3)
        np.testing.assert_allclose(picture[32, 32], 255 * np.array(rgb), atol=0.51)


def test_the_whole_shape_is_in_the_picture_wherever_and_however_it_lies() -> None:
    count = 400
    poses = Poses.draw(count, np.random.default_rng(0))
    poses.places[:100] = poses.places[:100].round()  # into the corners
    none = np.zeros(count, np.int64)
    pictures = draw(none + 1, none, none + 9, poses, side=64)
    ink = (pictures[..., 0].astype(float) - 128).sum(axis=(1, 2)) / 127
    np.testing.assert_allclose(ink, (128 / 224 * 64) ** 2, rtol=0.01)
    places = (pictures[..., 0] > 200).reshape(count, -1).argmax(axis=1)
    assert len(np.unique(places)) > 250


def test_edges_are_smoothed() -> None:
    edge = draw(*(np.array([k]) for k in (3, 0, 9)), upright(1), side=64)[0, :, :, 0]
    assert len(np.unique(edge)) > 10


def test_what_is_random_in_a_texture_differs_from_picture_to_picture() -> None:
    for texture in ("noise", "rain"):
        same = np.full(2, list(TEXTURES).index(texture))
        one, two = draw(np.ones(2, int), same, same, upright(2), side=64)
        assert (one != two).mean() > 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "val"}, "split must be 'train' or 'test', found 'val'"),
        ({"side": 15}, "side must be a whole number from 16 to 1,024; found 15"),
        ({"side": 64.0}, "side must be a whole number from 16 to 1,024; found 64.0"),
        (
            {"per_combination": 0},
            "per_combination must be a whole number of at least 1; found 0",
        ),
        ({"rows": 0}, "rows must be a whole number from 1 to 200; found 0"),
        ({"rows": 201}, "rows must be a whole number from 1 to 200; found 201"),
        ({"seed": -1}, "seed must be a whole number of at least 0; found -1"),
        ({"split_seed": None}, "split_seed must be a whole number of at least 0; found None"),
        ({"mapping_seed": True}, "mapping_seed must be a whole number of at least 0; found True"),
        ({"pairs": 0}, "pairs must be a whole number of at least 1; found 0"),
        ({"rows": 1, "seed": 1}, "no two of 1 pictures make a pair; ask for more rows"),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        bimodal_trifeature(**({"split": "test"} | options))
    assert str(refused.value) == message


def test_no_such_task() -> None:
    found = bimodal_trifeature("test", side=16, pairs=5)
    with pytest.raises(InputError, match=r"^task must be one of shared, unique1, "):
        found.labels("redundancy")  # type: ignore[arg-type]
