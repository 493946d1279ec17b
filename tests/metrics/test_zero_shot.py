from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isthmus import InputError
from isthmus.metrics import recall_at_k
from isthmus.metrics.zero_shot import class_prototypes, zero_shot_accuracy
from tests.reference import zero_shot as reference
from tests.strategies import rotation, seeds

TOLERANCE = {"float16": 1e-6, "float32": 1e-6, "float64": 1e-14}
LIBRARIES = pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["np", "torch"])
NAMES = ["cat", "dog", "emu", "fox"]


def prompts_and_images(seed: int, *, templates: int = 5, width: int = 12) -> tuple:
    """Prompts (each class has some, not equally many), their classes, images, their labels."""
    rng = np.random.default_rng(seed)
    classes = np.array(NAMES + list(rng.choice(NAMES, 4 * (templates - 1))))
    labels = rng.choice(NAMES, 50)
    centres = dict(zip(NAMES, rng.normal(size=(4, width)), strict=True))
    prompts, images = (
        np.stack([centres[name] for name in names]) + rng.normal(size=(len(names), width))
        for names in (classes, labels)
    )
    return prompts * rng.uniform(0.1, 10, (len(prompts), 1)), classes, images, labels


@pytest.mark.parametrize("named", [False, True])
def test_published_top_1(published, named):
    texts, labels = published["labelled/texts"], published["labelled/labels"]
    classes = np.arange(len(texts)) if named else None
    found = zero_shot_accuracy(published["labelled/images"], texts, labels, classes=classes, k=(1,))
    assert 100 * found[1] == pytest.approx(float(published["labelled/top1"]), abs=1e-5)


@LIBRARIES
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("templates", [1, 2, 30])
def test_prototypes_equal_the_reference(templates, dtype, library):
    prompts, classes, _, _ = prompts_and_images(0, templates=templates)
    prompts = prompts.astype(dtype)
    found = class_prototypes(library(prompts), classes)
    assert found.classes.tolist() == NAMES
    expected = reference.class_prototypes(prompts, classes)
    np.testing.assert_allclose(np.asarray(found.rows), expected, atol=TOLERANCE[dtype])


@LIBRARIES
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("seed", range(4))
def test_accuracy_equals_the_reference(seed, dtype, library):
    prompts, classes, images, labels = prompts_and_images(seed)
    found = zero_shot_accuracy(
        library(images.astype(dtype)),
        library(prompts.astype(dtype)),
        labels,
        classes=classes,
        k=(1, 2, 4, 9),
    )
    prototypes = reference.class_prototypes(prompts.astype(dtype), classes)
    for k in (1, 2, 4, 9):
        expected = reference.top_k(images.astype(dtype), prototypes, NAMES, labels.tolist(), k)
        assert found[k] == pytest.approx(expected)
    assert found[4] == found[9] == 1


@given(seeds, st.integers(1, 6))
def test_accuracy_is_recall_against_prototypes(seed, k):
    prompts, classes, images, labels = prompts_and_images(seed)
    prototypes = class_prototypes(prompts, classes)
    expected = recall_at_k(images, prototypes.rows, k=k, groups=(labels, prototypes.classes))
    assert zero_shot_accuracy(images, prompts, labels, classes=classes, k=(k,)) == {k: expected}


@given(seeds)
def test_rotation_scale_and_order_change_nothing(seed):
    prompts, classes, images, labels = prompts_and_images(seed)
    turn, rng = rotation(prompts.shape[1], seed), np.random.default_rng(seed)
    i, j = rng.permutation(len(images)), rng.permutation(len(prompts))
    longer = prompts * rng.uniform(0.1, 10, (len(prompts), 1))
    before = zero_shot_accuracy(images, prompts, labels, classes=classes)
    after = zero_shot_accuracy(
        images[i] @ turn, longer[j] @ turn, labels[i].tolist(), classes=classes[j].tolist()
    )
    assert after == pytest.approx(before)


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        (np.ones((4, 3)), {1: 0.0, 2: 0.0, 3: 1.0}),  # four tied classes: mean rank 2.5
        (np.eye(3)[[0, 0, 1, 2]], {1: 0.5, 2: 1.0, 3: 1.0}),  # the first two: mean rank 1.5
    ],
    ids=["all", "two"],
)
def test_tied_classes_count_as_their_mean_rank(prompts, expected):
    images = np.eye(3)[[0, 0, 1, 2]]
    assert zero_shot_accuracy(images, prompts, [0, 1, 2, 3], k=(1, 2, 3)) == expected


def test_with_one_class_every_image_is_right():
    found = zero_shot_accuracy(np.eye(3), np.ones((1, 3)), ["a"] * 3, classes=["a"])
    assert found == {1: 1.0, 5: 1.0}


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 1, 5], {}, "label '5' of row 2 is the class of no prompt; there are 3 classes"),
        (["a", "b", "a"], {"classes": ["b", "c", "d"]}, "label 'a' of row 0"),
        (["a", "b", "c"], {}, "one kind"),
        ([0, 1], {}, r"shape \(3,\); found shape \(2,\)"),
        ([0, 1, 2], {"classes": [0, 1]}, r"one per prompt, shape \(3,\); found shape \(2,\)"),
        ([0, 1, 2], {"k": (1, 0)}, "k must be at least 1; found 0"),
    ],
)
def test_what_cannot_be_classified_is_refused(labels, options, message):
    with pytest.raises(InputError, match=message):
        zero_shot_accuracy(np.eye(3), np.eye(3), labels, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_prompts_that_cancel_out_are_refused(dtype):
    row = np.random.default_rng(0).normal(size=(1, 64)).astype(dtype)
    prompts = np.concatenate([row, 3 * row, -7 * row])
    with pytest.raises(InputError, match="prompts of class 'b' cancel out"):
        class_prototypes(prompts, ["a", "b", "b"])
