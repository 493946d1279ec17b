from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import homogeneity_completeness_v_measure

from isthmus import InputError
from isthmus.metrics import joint_clustering


def blobs(per_class: int = 20, spread: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), per_class)
    return np.eye(4)[labels] + spread * rng.normal(size=(len(labels), 4)), labels


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_separated_blobs_are_found(library):
    x, labels = blobs()
    found = joint_clustering(library(x), labels)
    assert found.v_measure == pytest.approx(1)
    assert found.homogeneity == pytest.approx(1)
    assert found.completeness == pytest.approx(1)
    assert found.n_clusters == 4


def test_the_names_and_lengths_of_rows_do_not_matter():
    x, labels = blobs()
    x *= np.random.default_rng(1).uniform(0.01, 100, (len(x), 1))
    assert joint_clustering(x, np.array(list("dabc"))[labels]).v_measure == pytest.approx(1)


def test_one_cluster_says_nothing_of_several_labels():
    x, labels = blobs()
    found = joint_clustering(x, labels, n_clusters=1)
    assert found.v_measure == pytest.approx(0, abs=1e-12)
    assert found.homogeneity == pytest.approx(0, abs=1e-12)
    assert found.completeness == pytest.approx(1)


def test_rows_at_one_point_say_nothing_of_several_labels():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # k-means says that there is only one distinct point
        found = joint_clustering(np.ones((30, 3)), np.arange(30) % 3)
    assert found.v_measure == pytest.approx(0, abs=1e-12)
    assert found.inertia == pytest.approx(0, abs=1e-12)


def test_labels_independent_of_the_blobs_score_low():
    x, labels = blobs(per_class=50)
    shuffled = np.random.default_rng(0).permutation(labels)
    assert joint_clustering(x, shuffled).v_measure < 0.1


def test_one_class_in_one_cluster_scores_one_by_convention():
    x, labels = blobs()
    assert joint_clustering(x, np.zeros_like(labels)).v_measure == pytest.approx(1)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("k", [None, 2, 7])
def test_the_result_is_scikit_learn_s_for_the_same_seed(seed, k):
    rng = np.random.default_rng(9)
    x, labels = rng.normal(size=(80, 6)), rng.integers(0, 5, 80)
    rows = x / np.linalg.norm(x, axis=1, keepdims=True)
    kmeans = KMeans(k or 5, init="k-means++", n_init=3, random_state=seed).fit(rows)
    expected = homogeneity_completeness_v_measure(labels, kmeans.labels_)
    found = joint_clustering(x, labels, n_clusters=k, n_init=3, seed=seed)
    assert (found.homogeneity, found.completeness, found.v_measure) == pytest.approx(expected)
    assert found.inertia == pytest.approx(kmeans.inertia_)
    assert (found.n_clusters, found.n_init, found.seed) == (k or 5, 3, seed)


@pytest.mark.parametrize("k", [-1, 0, 5, 100])
def test_k_out_of_range_is_refused(k):
    with pytest.raises(InputError, match=f"between 1 and 4 rows; found {k}"):
        joint_clustering(np.eye(4), [0, 0, 1, 1], n_clusters=k)


@pytest.mark.parametrize("labels", [[0, 1], [[0], [1], [0], [1]], 3, []])
def test_labels_of_another_shape_are_refused(labels):
    with pytest.raises(InputError, match=r"labels must be one per row, shape \(4,\)"):
        joint_clustering(np.eye(4), labels)
