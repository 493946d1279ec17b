"""What `measure` makes of labels: the plain functions' numbers, and None where there are none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus import Embeddings, measure, metrics
from isthmus.metrics.budget import cluster_starts
from isthmus.metrics.class_moments import ClassMoments
from isthmus.metrics.zero_shot_measure import measure_zero_shot

NAMES = ("image", "text")


def labelled(n: int = 150, classes: int = 3, *, noise: float = 0.7) -> Embeddings:
    """Pairs around class centres; the text of every third item says nothing of its class."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % classes
    item = rng.normal(size=(classes, 6))[labels]
    dull = np.where((np.arange(n) // classes % 3 == 0)[:, None], 0.0, item)
    return Embeddings(
        {
            "image": item + noise * rng.normal(size=(n, 6)),
            "text": dull + noise * rng.normal(size=(n, 6)) + np.eye(6)[0] * 3,
        },
        labels=labels,
    )


@pytest.fixture(scope="module")
def found() -> metrics.Measurement:
    return measure(labelled())


def test_each_modality_has_its_clusters_and_its_probe(found):
    space = labelled()
    each = metrics.cluster_each(space.arrays, space.labels)
    for modality in found.modalities:
        name = modality.name
        assert modality.groups.clustering == each[name]
        assert modality.groups.clustered_rows == 150
        expected = metrics.linear_probe(space[name], space.labels[name], space.codes[name])
        assert modality.groups.probe == expected


def test_neighbours_vote_within_and_across_modalities(found):
    space = labelled()
    expected = metrics.knn_accuracies(space.arrays, space.labels, space.codes)
    assert found.knn_accuracies.accuracy == expected
    assert found.knn_accuracies.rows == {"image": 150, "text": 150}


@pytest.mark.parametrize(("queries", "other"), [NAMES, NAMES[::-1]])
def test_zero_shot_accuracy_is_that_of_class_prototypes(found, queries, other):
    space = labelled()
    (pair,) = found.pairs
    named = pair.groups.zero_shot[f"{queries}→{other}"]
    expected = metrics.zero_shot_accuracy(
        space[queries], space[other], space.labels[queries], classes=space.labels[other], k=(1,)
    )
    assert {k: top.value for k, top in named.accuracy.items()} == expected
    assert (named.classes, named.rows_per_class) == (3, 50)
    assert named.accuracy[1].error == 0


def test_pairs_have_the_order_of_classes_and_their_information(found):
    space = labelled()
    groups = found.pairs[0].groups
    labels = space.labels["image"]
    order = metrics.neighbourhood_distance(*space.arrays.values(), labels=(labels, labels))
    assert groups.class_order.distance == pytest.approx(order)
    expected = metrics.estimate_information(*space.arrays.values(), labels, bootstrap=25)
    assert groups.information == expected
    assert groups.information.unique1 > groups.information.unique2


def test_budgets_sample_rows_and_exact_lifts_them(monkeypatch):
    for name, limit in {"SAMPLE": 60, "PROBED": 90, "CLUSTERED": 1, "CLASSES": 3}.items():
        monkeypatch.setattr(f"isthmus.metrics.budget.{name}", limit)
    space = labelled(240, 4)
    some, all_ = measure(space), measure(space, exact=True)
    for taken, rows in ((some, 60), (all_, 240)):
        assert taken.knn_accuracies.rows == {"image": rows, "text": rows}
        assert taken.modalities[0].groups.clustered_rows == rows
        named = taken.pairs[0].groups.zero_shot["image→text"].accuracy[1]
        assert named.rows == rows
        assert (named.error > 0) == (rows < 240)
    exact = all_.pairs[0].groups.zero_shot["image→text"].accuracy[1].value
    sampled = some.pairs[0].groups.zero_shot["image→text"].accuracy[1]
    assert abs(sampled.value - exact) < 4 * sampled.error
    assert some.pairs[0].groups.class_order.classes == 3
    assert all_.pairs[0].groups.class_order.classes == 4
    probe = all_.modalities[0].groups.probe
    assert probe.train_rows + probe.validation_rows + probe.test_rows == 240
    assert some.modalities[0].groups.probe.train_rows == 54


@pytest.mark.parametrize(
    ("labels", "absent"),
    [
        (np.zeros(40, np.int64), {"zero_shot", "class_order", "information", "probe"}),
        (np.arange(40), {"knn", "information", "probe"}),
        (np.arange(40) % 2, {"class_order"}),
        (np.arange(40) % 10, {"information", "probe"}),
    ],
    ids=["one class", "a class each", "two classes", "few groups a class"],
)
def test_what_a_space_has_no_number_for_is_none(labels, absent):
    rng = np.random.default_rng(0)
    space = Embeddings({name: rng.normal(size=(40, 5)) for name in NAMES}, labels=labels)
    found = measure(space)
    groups, own = found.pairs[0].groups, found.modalities[0].groups
    numbers = {
        "zero_shot": groups.zero_shot or None,
        "class_order": groups.class_order,
        "information": groups.information,
        "probe": own.probe,
        "knn": found.knn_accuracies,
    }
    assert {name for name, number in numbers.items() if number is None} == absent
    assert (found.knn_accuracy is None) == ("knn" in absent)


def test_one_prompt_a_class_is_zero_shot_classification():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    prompts = rng.normal(size=(3, 8))
    images = prompts[labels] + 0.8 * rng.normal(size=(60, 8))
    space = Embeddings(
        {"image": images, "text": prompts},
        groups={"image": labels, "text": np.arange(3)},
        labels={"image": labels, "text": np.arange(3)},
    )
    found = measure(space)
    named = found.pairs[0].groups.zero_shot["image→text"]
    expected = metrics.zero_shot_accuracy(images, prompts, labels, k=(1,))
    assert named.accuracy[1].value == expected[1]
    assert named.rows_per_class == 1
    assert found.knn_accuracies is None
    assert found.modalities[0].groups.probe is None


def test_more_clusters_than_a_modality_has_rows_leave_its_clusters_out():
    space = Embeddings(
        {"image": np.random.default_rng(0).normal(size=(9, 4)), "text": np.eye(4)[:3]},
        groups={"image": np.arange(9) % 3, "text": np.arange(3)},
        labels={"image": np.arange(9) % 3, "text": np.arange(3)},
    )
    found = measure(space, n_clusters=5)
    assert found.clustering.n_clusters == 5
    assert found.modalities[0].groups.clustering.n_clusters == 5
    assert found.modalities[1].groups.clustering is None


def test_a_class_whose_rows_cancel_is_left_out_of_zero_shot():
    prompts = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    sums = ClassMoments.of(prompts, np.array([0, 0, 1, 2]), 3)
    queries = np.array([[1.0, 0.1], [0.1, 1.0], [1.0, 0.9]])
    found = measure_zero_shot(queries, np.arange(3), sums, sample=None, seed=0)
    assert found.classes == 2
    assert found.accuracy[1].rows == 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_and_numpy_give_the_same(dtype):
    host = labelled(90, 3).map(lambda _, x: x.astype(dtype))
    expected = measure(host)
    found = measure(host.map(lambda _, x: torch.from_numpy(x)))
    assert found.knn_accuracies == expected.knn_accuracies
    groups, other = found.pairs[0].groups, expected.pairs[0].groups
    assert groups.zero_shot.keys() == other.zero_shot.keys()
    for way, named in groups.zero_shot.items():
        assert named == other.zero_shot[way]
    assert groups.class_order.distance == pytest.approx(other.class_order.distance)
    assert groups.information.redundancy == pytest.approx(other.information.redundancy, abs=0.02)


@pytest.mark.parametrize(
    ("rows", "k", "width", "starts"), [(150, 3, 8, 200), (4000, 12, 64, 130), (5000, 100, 512, 10)]
)
def test_k_means_has_more_starts_where_they_are_cheap(rows, k, width, starts):
    assert cluster_starts(rows, k, width) == starts
