from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus import Embeddings, metrics
from isthmus.metrics.sampled_uniformity import centroid_uniformity, joint_uniformity

ROWS = {
    "a": np.random.default_rng(0).normal(size=(300, 6)),
    "b": np.random.default_rng(1).normal(size=(300, 6)) + 1,
}


def of_all_rows(space: Embeddings, what: str, sample: int | None, seed: int) -> metrics.Estimate:
    if what == "joint":
        return joint_uniformity(space, sample=sample, seed=seed)
    found = centroid_uniformity(space, ("a", "b"), sample=sample, seed=seed)
    assert found is not None
    return found


@pytest.mark.parametrize("what", ["joint", "centroids"])
def test_samples_estimate_the_exact_number_with_the_error_they_state(what):
    space = Embeddings(ROWS)
    exact = of_all_rows(space, what, None, 0)
    assert exact.error == 0
    found = [of_all_rows(space, what, 60, seed) for seed in range(40)]
    assert {estimate.rows for estimate in found} == {60}
    values = np.array([estimate.value for estimate in found])
    stated = np.mean([estimate.error for estimate in found])
    assert abs(values.mean() - exact.value) < 4 * stated / np.sqrt(len(values))
    assert 0.6 < values.std() / stated < 1.6


@pytest.mark.parametrize("what", ["joint", "centroids"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("sample", [None, 40])
def test_torch_and_numpy_give_the_same(what, dtype, sample):
    host = Embeddings({name: rows.astype(dtype) for name, rows in ROWS.items()})
    there = host.map(lambda _, x: torch.from_numpy(x))
    expected, found = (of_all_rows(space, what, sample, 0) for space in (host, there))
    assert found.value == pytest.approx(expected.value, abs=2e-5)
    assert found.rows == expected.rows


def test_a_group_with_several_rows_has_one_centroid():
    groups = {"a": np.arange(300) // 2, "b": np.arange(300) % 150}
    space = Embeddings(ROWS, groups=groups)
    found = centroid_uniformity(space, ("a", "b"))
    centroids = metrics.pair_centroids(ROWS["a"], ROWS["b"], groups=(groups["a"], groups["b"]))
    assert found == metrics.gaussian_uniformity(centroids)


def test_a_single_group_has_no_centroid_uniformity():
    space = Embeddings({"a": np.eye(2), "b": np.eye(2)}, groups={"a": [0, 1], "b": [1, 2]})
    assert centroid_uniformity(space, ("a", "b")) is None
