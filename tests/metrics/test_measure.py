from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from isthmus import Embeddings, measure, metrics
from isthmus.errors import MissingDependencyError
from isthmus.metrics.budget import Budget
from isthmus.metrics.full_pass import state_and_seconds
from isthmus.metrics.measure_costs import step_costs
from isthmus.metrics.state import GapState
from isthmus.progress import watched
from tests.strategies import make_space

ROOT = Path(__file__).resolve().parents[2]


def space_with_labels() -> Embeddings:
    made = make_space(seed=3, n=40, m=50, width=8, groups=15)
    return Embeddings(
        {"image": made.x, "text": made.y},
        groups={"image": made.gx, "text": made.gy},
        labels={"image": made.gx % 3, "text": made.gy % 3},
    )


def test_measure_gathers_the_plain_functions():
    space = space_with_labels()
    x, y = space["image"], space["text"]
    groups = space.groups["image"], space.groups["text"]
    found = measure(space)
    pair = found.pairs[0]
    assert pair.modalities == ("image", "text")
    assert pair.matched_pairs == int((groups[0][:, None] == groups[1]).sum())
    assert pair.l2m == pytest.approx(metrics.l2m(x, y))
    assert pair.rmg == pytest.approx(metrics.rmg(x, y, groups=groups))
    assert pair.l2i == pytest.approx(metrics.l2i(x, y, groups=groups))
    assert pair.pair_cosine == pytest.approx(metrics.pair_cosine(x, y, groups=groups))
    for k in (1, 5, 10):
        assert pair.recall("image→text", k) == metrics.recall_at_k(x, y, k=k, groups=groups)
        back = metrics.recall_at_k(y, x, k=k, groups=groups[::-1])
        assert pair.recall("text→image", k) == back
    assert found.dimension == 8
    assert [(m.name, m.rows) for m in found.modalities] == [("image", 40), ("text", 50)]
    assert found.modalities[1].mean_angular_value == pytest.approx(metrics.mean_angular_value(y))


@pytest.mark.parametrize(("n_clusters", "seed"), [(None, 0), (4, 1)])
def test_labels_bring_clustering_and_neighbours(n_clusters, seed):
    space = space_with_labels()
    rows = np.concatenate(list(space.arrays.values()))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    labels = np.concatenate(list(space.labels.values()))
    groups = np.concatenate(list(space.groups.values()))
    found = measure(space, n_clusters=n_clusters, seed=seed)
    expected = metrics.joint_clustering(rows, labels, n_clusters=n_clusters, n_init=200, seed=seed)
    assert found.clustering.v_measure == pytest.approx(expected.v_measure)
    assert found.clustering.n_clusters == (n_clusters or 3)
    assert found.knn_accuracy.error == 0
    expected = metrics.knn_accuracy(rows, labels, groups)
    assert found.knn_accuracy.value == pytest.approx(expected)


def test_measure_gathers_spread_and_dimensions():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 48))
    space = Embeddings({"a": rows + np.eye(48)[3] * 5, "b": rows + rng.normal(size=(60, 48))})
    x, y = space["a"], space["b"]
    found = measure(space)
    (pair,) = found.pairs
    assert pair.alignment == pytest.approx(metrics.alignment(x, y))
    centroids = metrics.pair_centroids(x, y)
    assert pair.centroid_uniformity == metrics.gaussian_uniformity(centroids)
    assert pair.largest_means.dimensions == metrics.largest_mean_dimensions(x, y)
    assert pair.largest_means.separation == metrics.dimension_separation(
        x, y, pair.largest_means.dimensions
    )
    assert pair.ablation == metrics.dimension_ablation(x, y)
    together = metrics.gaussian_uniformity(np.concatenate([x, y]))
    assert found.uniformity.value == pytest.approx(together.value)
    assert (found.uniformity.error, found.uniformity.rows) == (0, 120)
    both = metrics.wasserstein_uniformity(np.concatenate([x, y]))
    assert found.wasserstein_uniformity == pytest.approx(both)
    assert found.modalities[0].wasserstein_uniformity == pytest.approx(
        metrics.wasserstein_uniformity(x)
    )


def test_measure_holds_the_distances_of_all_centroids():
    rng = np.random.default_rng(0)
    space = Embeddings({name: rng.normal(size=(9, 4)) + k for k, name in enumerate("abc")})
    found = measure(space, fast=True)
    distances = metrics.centroid_distances(space.arrays)
    np.testing.assert_allclose(found.centroid_distances, distances)
    expected = metrics.mean_centroid_distance(space.arrays)
    assert found.mean_centroid_distance == pytest.approx(expected)


def test_measure_gathers_the_geometry_and_the_mixed_search():
    space = space_with_labels()
    x, y = space["image"], space["text"]
    found = measure(space)
    (pair,) = found.pairs
    groups = space.codes["image"], space.codes["text"]
    assert pair.separability == pytest.approx(metrics.modality_auc(x, y, groups=groups))
    assert pair.vector == metrics.gap_vector(x, y)
    assert pair.retrieval["image→text"] == metrics.retrieval(x, y, groups=groups)
    assert found.modalities[0].effective_rank == pytest.approx(metrics.effective_rank(x))
    assert found.modalities[0].uniformity == metrics.gaussian_uniformity(x)
    assert found.mixed_search == metrics.mixed_search(space.arrays, space.codes)
    for name, interval in pair.intervals.items():
        assert interval.low <= interval.value <= interval.high, name
    assert pair.intervals["l2m"].value == pytest.approx(pair.l2m)
    assert pair.intervals["recall@1 image→text"].value == pytest.approx(pair.recall(0))


def test_labels_and_attributes_bring_scatter_and_bias():
    space = space_with_labels()
    assert measure(space).moad == {}
    rng = np.random.default_rng(1)
    attributes = {
        attribute: {name: rng.random(len(x)) < 0.4 for name, x in space.arrays.items()}
        for attribute in ("red", "small")
    }
    marked = Embeddings(
        space.arrays, groups=space.groups, labels=space.labels, attributes=attributes
    )
    found = measure(marked)
    assert found.scatter == metrics.class_scatter(space.arrays, space.labels)
    for name in space.names:
        columns = np.stack([attributes[a][name] for a in ("red", "small")], axis=1)
        assert found.moad[name] == metrics.moad(space[name], space.labels[name], columns)


def test_attributes_that_say_what_captions_name_bring_caption_presence_bias():
    space = space_with_labels()
    rng = np.random.default_rng(1)
    attributes = {
        attribute: {name: rng.random(len(x)) < share for name, x in space.arrays.items()}
        for attribute, share in (("red", 0.5), ("named_red", 0.2), ("named_label", 0.9))
    }
    marked = Embeddings(
        space.arrays, groups=space.groups, labels=space.labels, attributes=attributes
    )
    found = measure(marked)
    for name in space.names:
        expected = metrics.caption_presence_bias(
            space[name],
            {"red": attributes["red"][name], "label": space.labels[name]},
            {"red": attributes["named_red"][name], "label": attributes["named_label"][name]},
        )
        assert found.presence[name] == expected
        only = attributes["red"][name][:, None]
        assert found.moad[name] == metrics.moad(space[name], space.labels[name], only)
    del attributes["named_red"]
    alone = Embeddings(
        space.arrays, groups=space.groups, labels=space.labels, attributes=attributes
    )
    assert measure(alone).presence == {}


def test_a_temperature_brings_entropy_and_loss():
    space = space_with_labels()
    x, y = space["image"], space["text"]
    (pair,) = measure(space, temperature=0.1).pairs
    assert pair.entropy["image→text"] == metrics.entropy_summary(x, y, temperature=0.1)
    assert pair.entropy["text→image"] == metrics.entropy_summary(y, x, temperature=0.1)
    groups = space.codes["image"], space.codes["text"]
    assert pair.loss == metrics.contrastive_loss(x, y, temperature=0.1, groups=groups)
    assert measure(space).pairs[0].loss is None


def test_fast_measures_what_one_pass_gives_and_nothing_else():
    space = space_with_labels()
    fast, full = measure(space, fast=True), measure(space)
    assert fast.pairs[0].l2m == pytest.approx(full.pairs[0].l2m)
    assert fast.pairs[0].rmg == pytest.approx(full.pairs[0].rmg)
    assert fast.modalities[0].mean_angular_value == pytest.approx(
        full.modalities[0].mean_angular_value
    )
    assert fast.mean_centroid_distance == pytest.approx(full.mean_centroid_distance)
    assert fast.pairs[0].recall(0) is None
    assert fast.clustering is fast.mixed_search is None


def test_estimates_are_near_the_exact_numbers_and_say_their_error(monkeypatch):
    monkeypatch.setattr("isthmus.metrics.budget.SAMPLE", 60)
    rng = np.random.default_rng(0)
    space = Embeddings({"a": rng.normal(size=(200, 6)), "b": rng.normal(size=(200, 6))})
    estimated, exact = measure(space), measure(space, exact=True)
    for guess, truth in zip(estimated.modalities, exact.modalities, strict=True):
        assert (guess.uniformity.rows, truth.uniformity.rows) == (60, 200)
        assert truth.uniformity.error == 0
        distance = abs(guess.uniformity.value - truth.uniformity.value)
        assert 0 < distance < 4 * guess.uniformity.error
    assert estimated.mixed_search.by_modality["a"].queries == 30
    assert exact.mixed_search.by_modality["a"].queries == 200


def test_without_labels_there_is_no_clustering():
    found = measure(Embeddings({"image": np.eye(4), "text": np.eye(4)}))
    assert found.clustering is None
    assert found.knn_accuracy is None
    assert found.to_records()[0]["v_measure"] is None


def test_too_few_groups_leave_neighbours_out_alone():
    rows = np.random.default_rng(0).normal(size=(6, 3))
    space = Embeddings({"a": rows, "b": rows}, groups=[0] * 6, labels=[0, 1] * 3)
    found = measure(space)
    assert found.knn_accuracy is None
    assert found.clustering.n_clusters == 2


def test_rows_of_a_repeated_group_all_match_each_other():
    space = Embeddings({"a": np.eye(3), "b": np.eye(3)}, groups=[0, 0, 1])
    for fast in (True, False):
        assert measure(space, fast=fast).pairs[0].matched_pairs == 5


@pytest.mark.parametrize("groups", [None, [0, 0, 1, 2, 3, 4]], ids=["by position", "repeated"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_of_a_full_measurement_are_those_of_single_passes(groups, dtype):
    rng = np.random.default_rng(0)
    space = Embeddings(
        {name: rng.normal(size=(6, 5)).astype(dtype) for name in "abc"}, groups=groups
    )
    state, seconds = state_and_seconds(space)
    expected = GapState.of(space)
    assert state.pairs == expected.pairs
    for name, x in space.arrays.items():
        alone = metrics.SecondMoments.of(x)
        np.testing.assert_allclose(
            state.moments[name].total, expected.moments[name].total, rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(seconds[name].product, alone.product, rtol=1e-12)
        assert seconds[name].count == alone.count
        assert seconds[name].rounding == alone.rounding


@pytest.mark.parametrize("labelled", [False, True])
def test_progress_rises_to_one_and_names_every_step_in_order(labelled):
    space = space_with_labels()
    if not labelled:
        space = Embeddings(space.arrays, groups=space.groups)
    told: list[tuple[str, float]] = []
    with watched(lambda name, done: told.append((name, done))):
        measure(space, temperature=0.1)
    shares = [done for _, done in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    names = dict.fromkeys(name.split(": ")[0] for name, _ in told)
    budget = Budget.of(exact=False)
    assert list(names) == list(step_costs(space, budget, n_clusters=None, softmax=True))
    assert ("clusters" in names) == labelled
    assert "retrieval image→text" in names


def test_every_pair_with_a_common_group_is_measured():
    space = Embeddings(
        {"a": np.eye(3), "b": np.eye(3), "c": np.eye(3)},
        groups={"a": [0, 1, 2], "b": [2, 3, 4], "c": [4, 5, 6]},
    )
    found = measure(space)
    assert [pair.modalities for pair in found.pairs] == [("a", "b"), ("b", "c")]
    assert [pair.matched_pairs for pair in found.pairs] == [1, 1]
    assert [m.name for m in found.modalities] == ["a", "b", "c"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_torch_and_numpy_give_the_same(dtype):
    space = space_with_labels()
    host = space.map(lambda _, x: x.astype(dtype))
    found = measure(host.map(lambda _, x: torch.from_numpy(x))).to_records()[0]
    expected = measure(host).to_records()[0]
    assert found.pop("modalities") == expected.pop("modalities")
    assert found == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_modalities_may_differ_in_precision(library):
    rows = np.random.default_rng(0).normal(size=(20, 4))
    space = Embeddings({"a": library(rows), "b": library(rows.astype(np.float32))})
    pair = measure(space).pairs[0]
    assert pair.l2m == pytest.approx(0, abs=1e-6)
    assert pair.recall("a→b", 1) == 1


def test_memory_maps_give_the_same(tmp_path):
    space = space_with_labels()
    for name, x in space.arrays.items():
        np.save(tmp_path / f"{name}.npy", x)
    mapped = space.map(lambda name, _: np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    assert measure(mapped) == measure(space)


def test_json_round_trips_and_is_rounded():
    found = measure(space_with_labels())
    back = json.loads(found.to_json())
    assert back == found.to_dict()
    assert back["pairs"][0]["modalities"] == ["image", "text"]
    assert back["pairs"][0]["retrieval"]["image→text"]["recall"].keys() == {"1", "5", "10"}
    assert back["pairs"][0]["l2m"] == float(f"{found.pairs[0].l2m:.6g}")
    assert back["clustering"]["seed"] == 0


def test_records_and_text_hold_the_same_columns():
    found = measure(space_with_labels())
    (record,) = found.to_records()
    expected = {"modalities", "matched_pairs", "l2m", "rmg", "l2i", "pair_cosine"}
    expected |= {"alignment", "centroid_uniformity", "separability", "share_of_variance"}
    expected |= {"two_dimensions_separability", "mean_centroid_distance", "uniformity"}
    expected |= {"wasserstein_uniformity", "v_measure", "knn_accuracy", "neighbourhood_distance"}
    expected |= {"redundancy", "unique1", "unique2", "synergy"}
    single = ["mean_angular_value", "effective_rank", "uniformity", "wasserstein_uniformity"]
    single += ["v_measure", "probe_accuracy"]
    expected |= {f"{score} {name}" for score in single for name in ("image", "text")}
    expected |= {f"knn_accuracy {a}→{b}" for a in ("image", "text") for b in ("image", "text")}
    expected |= {f"zero_shot@1 {way}" for way in ("image→text", "text→image")}
    scores = [*(f"recall@{k}" for k in (1, 5, 10)), "median_rank", "mrr", "ndcg@10", "map"]
    ways = ("image→text", "text→image")
    expected |= {f"{score} {way}" for score in scores for way in ways}
    sure = ["l2m", "rmg", "pair_cosine", *(f"recall@1 {way}" for way in ways)]
    expected |= {f"{name} {end}" for name in sure for end in ("low", "high")}
    assert record.keys() == expected
    lines = str(found).splitlines()
    assert len(lines) == len(record)
    for line, (key, value) in zip(lines, record.items(), strict=True):
        assert line.startswith(key)
        assert line.endswith(f"  {value}")


def test_text_of_several_pairs_has_a_block_each():
    space = Embeddings({name: np.eye(3) for name in "abc"})
    assert str(measure(space)).count("\n\n") == 2


def test_without_pandas_the_error_names_an_extra_that_exists(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependencyError, match="pandas") as caught:
        measure(Embeddings({"a": np.eye(3), "b": np.eye(3)})).to_frame()
    extra = re.search(r"isthmus\[(\w+)\]", str(caught.value)).group(1)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extra in project["optional-dependencies"]


def test_the_frame_holds_the_records():
    pytest.importorskip("pandas")
    found = measure(space_with_labels())
    assert found.to_frame().to_dict("records") == found.to_records()


@pytest.mark.parametrize(
    ("names", "l2m", "image_to_text", "text_to_image"),
    [
        (("image", "text"), 0.851, 0.552, 0.506),
        (("image_random_init", "text_random_init"), 1.136, None, None),
    ],
    ids=["CLIP", "randomly initialised"],
)
def test_known_values_of_real_clip(real_data, names, l2m, image_to_text, text_to_image):
    with np.load(real_data("clip_coco500/coco_val500_clip_vitb16.npz")) as file:
        space = Embeddings({name: file[name] for name in names})
    pair = measure(space).pairs[0]
    assert pair.l2m == pytest.approx(l2m, abs=5e-4)
    if image_to_text is not None:
        assert pair.recall("image→text", 1) == pytest.approx(image_to_text, abs=5e-4)
        assert pair.recall("text→image", 1) == pytest.approx(text_to_image, abs=5e-4)
