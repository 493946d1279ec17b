from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import (
    adjusted_rand_score,
    homogeneity_completeness_v_measure,
    normalized_mutual_info_score,
)

from isthmus import InputError
from isthmus.metrics.clustering import cluster_each, joint_clustering, modality_purity


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


@pytest.mark.parametrize("seed", range(3))
def test_nmi_and_ari_are_scikit_learn_s(seed):
    x, labels = np.random.default_rng(seed).normal(size=(60, 4)), np.arange(60) % 4
    rows = x / np.linalg.norm(x, axis=1, keepdims=True)
    clusters = KMeans(4, init="k-means++", n_init=10, random_state=seed).fit_predict(rows)
    found = joint_clustering(x, labels, seed=seed)
    assert found.nmi == pytest.approx(normalized_mutual_info_score(labels, clusters))
    assert found.nmi == pytest.approx(found.v_measure)
    assert found.ari == pytest.approx(adjusted_rand_score(labels, clusters))
    assert found.modality_purity is None


PURITIES = {
    "clusters are modalities": (np.repeat([0, 1], 30), np.repeat(["image", "text"], 30), 1),
    "clusters split modalities": (np.arange(60) % 4, np.arange(60) % 2, 1),
    "clusters ignore modalities": (np.arange(60) % 2, np.repeat(["image", "text"], 30), 0),
    "one cluster": (np.zeros(60), np.arange(60) % 3, 0),
    "unequal modalities, mixed alike": (np.arange(60) % 2, np.repeat([0, 1], [20, 40]), 0),
    "one of two clusters is pure": (np.repeat([0, 1], [1, 3]), np.array([0, 1, 0, 0]), None),
}


@pytest.mark.parametrize(("clusters", "modalities", "expected"), PURITIES.values(), ids=PURITIES)
def test_purity_by_modality(clusters, modalities, expected):
    found = modality_purity(clusters, modalities)
    counts = np.stack(
        [
            [(modalities[clusters == c] == m).sum() for m in np.unique(modalities)]
            for c in np.unique(clusters)
        ]
    )
    p = counts / counts.sum()
    kinds = p.sum(axis=0)
    leak = np.nansum(
        p * np.log(np.where(p > 0, p, 1) / p.sum(axis=1, keepdims=True) / kinds) * (p > 0)
    )
    assert found == pytest.approx(leak / -(kinds * np.log(kinds)).sum(), abs=1e-12)
    if expected is not None:
        assert found == pytest.approx(expected, abs=1e-12)


def test_a_gap_makes_clusters_modalities_and_closing_it_mixes_them():
    x, labels = blobs()
    modalities = np.tile(["image", "text"], len(x) // 2)
    apart = np.where(modalities == "image", 5.0, -5.0)[:, None]
    options = {"n_clusters": 2, "modalities": modalities}
    assert joint_clustering(np.hstack([x, apart]), labels, **options).modality_purity == 1
    found = joint_clustering(x, labels, modalities=modalities)
    assert found.modality_purity == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_each_modality_is_clustered_by_itself(library):
    x, labels = blobs()
    noise = np.random.default_rng(0).normal(size=(30, 3))
    found = cluster_each(
        {"image": library(x), "text": library(noise)}, {"image": labels, "text": np.arange(30) % 2}
    )
    alone = joint_clustering(x, labels), joint_clustering(noise, np.arange(30) % 2)
    assert found["image"].v_measure == pytest.approx(alone[0].v_measure)
    assert found["text"].v_measure == pytest.approx(alone[1].v_measure)
    assert found["text"].inertia == pytest.approx(alone[1].inertia)
    assert (found["image"].n_clusters, found["text"].n_clusters) == (4, 2)


@pytest.mark.parametrize(
    ("modalities", "message"),
    [([0] * 80, "at least two modalities; found one"), ([0, 1], r"shape \(80,\); found shape")],
)
def test_modalities_that_do_not_fit_are_refused(modalities, message):
    x, labels = blobs()
    with pytest.raises(InputError, match=message):
        joint_clustering(x, labels, modalities=modalities)
    with pytest.raises(InputError, match=message):
        modality_purity(labels, modalities)


def test_a_modality_without_labels_is_refused():
    with pytest.raises(InputError, match="labels are missing for modality 'text'"):
        cluster_each({"image": np.eye(2), "text": np.eye(2)}, {"image": [0, 1]})
