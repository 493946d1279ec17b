from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.metrics import k_means as module
from isthmus.metrics.clustering import joint_clustering
from isthmus.metrics.k_means import LLOYD, MINI_BATCH, k_means
from isthmus.metrics.stacked import stacked
from isthmus.progress import watched

LIBRARIES = pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["np", "torch"])


def blobs(rows: int = 600, spread: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, rows)
    return np.eye(6)[labels] + spread * rng.normal(size=(rows, 6)), labels


@pytest.fixture
def mini_batches(monkeypatch):
    monkeypatch.setattr(module, "HELD_BYTES", 0)
    monkeypatch.setattr(module, "BATCH_ROWS", 64)


@LIBRARIES
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_mini_batches_find_blobs_and_say_so(mini_batches, library, dtype):
    x, labels = blobs(spread=0.05)
    found = joint_clustering(library(x.astype(dtype)), labels)
    assert found.v_measure == pytest.approx(1)
    assert found.algorithm == MINI_BATCH


def test_held_rows_are_clustered_by_lloyd():
    x, labels = blobs()
    assert joint_clustering(x, labels).algorithm == LLOYD


@pytest.mark.parametrize("seed", range(3))
def test_mini_batches_minimise_almost_as_well(monkeypatch, seed):
    x, _ = blobs()
    whole = k_means(stacked([x]), 6, seed=seed)
    monkeypatch.setattr(module, "HELD_BYTES", 0)
    monkeypatch.setattr(module, "BATCH_ROWS", 64)
    found = k_means(stacked([x]), 6, seed=seed)
    assert found.inertia < 1.01 * whole.inertia


def test_labels_and_inertia_are_of_the_nearest_centres(mini_batches):
    x, _ = blobs()
    found = k_means(stacked([x]), 6)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    means = np.stack([unit[found.labels == c].mean(axis=0) for c in range(6)])
    least = sum(((unit[found.labels == c] - means[c]) ** 2).sum() for c in range(6))
    assert least <= found.inertia < 1.01 * least
    assert found.labels.shape == (600,)


def test_a_seed_is_repeatable_and_a_stack_is_its_rows(mini_batches):
    x, _ = blobs()
    first = k_means(stacked([x]), 6, seed=1)
    again = k_means(stacked([x[:250], x[250:]]), 6, seed=1)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert first.inertia == pytest.approx(again.inertia)
    assert first.inertia != pytest.approx(k_means(stacked([x]), 6, seed=2).inertia, rel=1e-9)


def test_every_batch_holds_its_rows_once_a_pass():
    x = np.stack([np.cos(np.arange(100)), np.sin(np.arange(100))], axis=1)
    batches = list(module._batches(stacked([x]), 40, seed=0))
    passes = np.split(np.concatenate(batches), module.PASSES)
    for rows in passes:
        np.testing.assert_allclose(rows[np.argsort(rows[:, 0])], x[np.argsort(x[:, 0])], atol=1e-15)
    assert not np.array_equal(passes[0], passes[1])


def test_a_memory_map_is_clustered_like_its_rows(mini_batches, tmp_path):
    x, labels = blobs()
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert joint_clustering(mapped, labels) == joint_clustering(x, labels)


def test_as_many_clusters_as_rows(mini_batches):
    assert k_means(stacked([np.eye(5)]), 5).inertia == pytest.approx(0, abs=1e-12)


def test_one_point_is_one_cluster(mini_batches):
    assert k_means(stacked([np.ones((300, 3))]), 2).inertia == pytest.approx(0, abs=1e-12)


def test_the_share_of_rows_is_told(mini_batches):
    told = []
    with watched(lambda name, done: told.append((name, done))):
        k_means(stacked([blobs()[0]]), 6)
    assert list(dict(told)) == ["batches", "means", "assignment"]
    shares = [done for _, done in told]
    assert shares == sorted(shares)
    assert len(shares) > 10
    assert shares[-1] == pytest.approx(1)


def test_starts_on_a_part_of_the_rows_lead_to_clusters_of_all_rows() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(6, 8))
    rows = stacked([centres[rng.integers(6, size=600)] + 0.2 * rng.normal(size=(600, 8))])
    whole, started = k_means(rows, 6), k_means(rows, 6, start_rows=120)
    assert len(started.labels) == 600
    assert started.inertia == pytest.approx(whole.inertia, rel=1e-3)
    assert "on 120 rows" in started.algorithm
    assert k_means(rows, 6, start_rows=600).algorithm == whole.algorithm
