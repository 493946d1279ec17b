"""Every public metric on every array library: the same numbers, and no rows fetched to the host.

The strict library stands for all that cannot be tried everywhere, CuPy above all: it offers
nothing outside the array API standard, and its second device refuses every implicit copy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus import arrays, metrics
from isthmus.embeddings import Embeddings
from isthmus.errors import InputError
from isthmus.metrics.paired import paired_difference
from isthmus.metrics.pairing import pair_sets

RELATIVE, ABSOLUTE = 1e-4, 2e-5
"""Single precision, added up in another order."""

FETCHED = 0.25
"""Share of more rows' bytes that a metric may fetch more: sums and counts, never the rows."""


@dataclass(frozen=True)
class Library:
    """Puts host values on a device, and fetches them as its users do."""

    put: Callable[[NDArray[Any]], Any]
    fetch: Callable[[Any], Any] = lambda x: x


def strict(name: str) -> Library:
    library = pytest.importorskip("array_api_strict")
    device, host = library.Device(name), library.Device("CPU_DEVICE")
    kind = type(library.asarray(0))

    def fetch(x: Any) -> Any:
        return x.to_device(host) if isinstance(x, kind) else x

    return Library(lambda values: library.asarray(values, device=device), fetch)


LIBRARIES: dict[str, Callable[[], Library]] = {
    "torch": lambda: Library(pytest.importorskip("torch").asarray),
    "jax": lambda: Library(pytest.importorskip("jax.numpy").asarray),
    "strict": lambda: strict("device1"),
    "strict, no doubles": lambda: strict("no_float64"),
}


@dataclass(frozen=True)
class Data:
    """Two modalities of 10 dimensions, matched many to many and row by row, with labels."""

    x: Any
    y: Any
    ids_x: Any
    ids_y: Any
    label_x: Any
    label_y: Any
    paired: Any
    prompts: Any
    counts: Any

    @property
    def groups(self) -> tuple[Any, Any]:
        return self.ids_x, self.ids_y

    @property
    def rows(self) -> dict[str, Any]:
        return {"x": self.x, "y": self.y}

    @property
    def labels(self) -> dict[str, Any]:
        return {"x": self.label_x, "y": self.label_y}

    @property
    def ids(self) -> dict[str, Any]:
        return {"x": self.ids_x, "y": self.ids_y}

    @property
    def space(self) -> Embeddings:
        red = {name: self.labels[name] > 1 for name in self.rows}
        return Embeddings(self.rows, groups=self.ids, labels=self.labels, attributes={"red": red})

    @property
    def other(self) -> Embeddings:
        return self.space.map(lambda _, x: x + 0.1 * x[:, :1])


def data(put: Callable[[NDArray[Any]], Any] = np.asarray, n: int = 48, width: int = 10) -> Data:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n, width))
    ids = np.arange(n), np.concatenate([np.arange(2, n - 10), np.arange(12) + 2])
    offset = 1.5 * np.eye(width)[0]
    arrays = [
        centres,
        centres[ids[1]] + 0.7 * rng.normal(size=(n, width)) + offset,
        centres + 0.7 * rng.normal(size=(n, width)) - offset,
        centres[:4],
        rng.integers(1, 9, (2, 3, 3)),
    ]
    x, y, paired, prompts, counts = (put(values.astype(np.float32)) for values in arrays)
    return Data(
        x=x,
        y=y,
        ids_x=put(ids[0]),
        ids_y=put(ids[1]),
        label_x=put(ids[0] % 4),
        label_y=put(ids[1] % 4),
        paired=paired,
        prompts=prompts,
        counts=counts,
    )


def cosine(space: Embeddings) -> float:
    return metrics.pair_cosine(space["x"], space["y"], groups=(space.codes["x"], space.codes["y"]))


CALLS: dict[str, Callable[[Data], Any]] = {
    "GapState": lambda d: metrics.GapState.of(d.space).pairs["x", "y"],
    "Moments": lambda d: metrics.Moments.of(d.x),
    "PairMoments": lambda d: metrics.PairMoments.of(d.x, d.paired),
    "SecondMoments": lambda d: metrics.SecondMoments.of(d.x),
    "alignment": lambda d: metrics.alignment(d.x, d.y, groups=d.groups),
    "bootstrap": lambda d: metrics.bootstrap(d.space, cosine, resamples=2),
    "caption_presence_bias": lambda d: metrics.caption_presence_bias(
        d.x, {"a": d.label_x, "b": d.label_x > 1}, {"a": d.label_x > 0, "b": d.label_x > 2}
    ),
    "centroid_distances": lambda d: metrics.centroid_distances(d.rows),
    "class_prototypes": lambda d: metrics.class_prototypes(d.y, d.label_y),
    "class_scatter": lambda d: metrics.class_scatter(d.rows, d.labels),
    "cluster_each": lambda d: metrics.cluster_each(d.rows, d.labels, n_init=2),
    "contrastive_loss": lambda d: metrics.contrastive_loss(
        d.x, d.y, temperature=0.1, groups=d.groups
    ),
    "difference": lambda d: metrics.difference(d.space, d.other, cosine, resamples=2),
    "dimension_ablation": lambda d: metrics.dimension_ablation(
        d.x, d.y, counts=[0, 2, 5], groups=d.groups
    ),
    "dimension_gap": lambda d: metrics.dimension_gap(d.x, d.y),
    "dimension_separation": lambda d: metrics.dimension_separation(d.x, d.y, (0, 3)),
    "effective_rank": lambda d: metrics.effective_rank(d.x),
    "entropy_summary": lambda d: metrics.entropy_summary(d.x, d.y, temperature=0.1),
    "estimate_information": lambda d: (
        metrics.estimate_information(
            d.x, d.paired, d.label_x, groups=d.ids_x, bootstrap=2, hidden=2, costs=(1e-2,)
        ).first
    ),
    "factor_bias": lambda d: metrics.factor_bias(d.x, d.label_x),
    "gap_intervals": lambda d: metrics.gap_intervals(d.space, ("x", "y"), resamples=20),
    "gap_vector": lambda d: metrics.gap_vector(d.x, d.y),
    "gaussian_uniformity": lambda d: metrics.gaussian_uniformity(d.x, sample=20),
    "joint_clustering": lambda d: metrics.joint_clustering(
        d.y, d.label_y, n_init=2, modalities=d.label_y > 1
    ),
    "joint_counts": lambda d: metrics.joint_counts(d.label_x, d.ids_x, d.label_x > 1),
    "knn_accuracies": lambda d: metrics.knn_accuracies(d.rows, d.labels, d.ids),
    "knn_accuracy": lambda d: metrics.knn_accuracy(d.y, d.label_y, d.ids_y),
    "knn_estimate": lambda d: metrics.knn_estimate(d.y, d.label_y, d.ids_y, sample=20),
    "l2i": lambda d: metrics.l2i(d.x, d.y, groups=d.groups),
    "l2m": lambda d: metrics.l2m(d.x, d.y),
    "largest_mean_dimensions": lambda d: metrics.largest_mean_dimensions(d.x, d.y),
    "linear_probe": lambda d: metrics.linear_probe(d.y, d.label_y, d.ids_y, costs=(1e-2,)),
    "matched_sizes": lambda d: metrics.matched_sizes([d.space, d.other], groups=9)[1].arrays,
    "mean_angular_value": lambda d: metrics.mean_angular_value(d.x),
    "mean_centroid_distance": lambda d: metrics.mean_centroid_distance(d.rows),
    "mean_interval": lambda d: metrics.mean_interval(d.x[:, 0], d.ids_x, resamples=20),
    "measure": lambda d: metrics.measure(d.space, temperature=0.1),
    "mixed_search": lambda d: metrics.mixed_search(d.rows, d.ids),
    "moad": lambda d: metrics.moad(d.x, d.label_x, d.label_x[:, None] > 1),
    "modality_auc": lambda d: metrics.modality_auc(d.x, d.y, groups=d.groups),
    "modality_purity": lambda d: metrics.modality_purity(d.ids_y, d.label_y),
    "mutual_information": lambda d: metrics.mutual_information(d.counts[0, :, :]),
    "neighbourhood_distance": lambda d: metrics.neighbourhood_distance(
        d.x, d.y, labels=(d.label_x, d.label_y)
    ),
    "pair_centroids": lambda d: metrics.pair_centroids(d.x, d.y, groups=d.groups),
    "pair_cosine": lambda d: metrics.pair_cosine(d.x, d.y, groups=d.groups),
    "pair_sets": lambda d: pair_sets(d.space, d.other, ("x", "y")),
    "paired_difference": lambda d: paired_difference(d.space, d.other, ("x", "y"), resamples=20),
    "permutation_null": lambda d: metrics.permutation_null(d.space, cosine, permutations=5),
    "pid": lambda d: metrics.pid(d.counts),
    "probe_splits": lambda d: metrics.probe_splits(*[(d.y, d.label_y)] * 3, costs=(1e-2,)),
    "ranks": lambda d: metrics.ranks(d.x, d.paired),
    "recall_at_k": lambda d: metrics.recall_at_k(d.x, d.y, k=2, groups=d.groups),
    "retrieval": lambda d: metrics.retrieval(d.x, d.y, groups=d.groups),
    "rmg": lambda d: metrics.rmg(d.x, d.paired),
    "softmax_entropy": lambda d: metrics.softmax_entropy(d.x, d.y, temperature=0.1),
    "wasserstein_uniformity": lambda d: metrics.wasserstein_uniformity(d.x),
    "zero_shot_accuracy": lambda d: metrics.zero_shot_accuracy(d.y, d.prompts, d.label_y),
}
"""One call of every public name that takes arrays."""

ON_THE_HOST = {
    *("cluster_each", "joint_clustering"),  # small sets, by scikit-learn
    *("linear_probe", "probe_splits", "estimate_information"),  # by scikit-learn
    *("knn_accuracies", "knn_accuracy", "knn_estimate"),  # the nearest rows, once more
    "measure",  # which does some of these
    *("joint_counts", "mutual_information", "pid", "mean_interval", "modality_purity"),  # columns
}
"""Those that take rows to the host."""


def numbers(value: Any) -> Any:
    """The same in lists and dictionaries, with arrays of any library fetched."""
    if is_dataclass(value) and not isinstance(value, type):
        return numbers(vars(value) if hasattr(value, "__dict__") else asdict(value))
    if isinstance(value, Mapping):
        return {str(key): numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [numbers(item) for item in value]
    return value if value is None or isinstance(value, str) else arrays.to_numpy(value)


def assert_same(found: Any, expected: Any, path: str = "") -> None:
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key], f"{path}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for k, each in enumerate(expected):
            assert_same(found[k], each, f"{path}[{k}]")
    elif expected is None or isinstance(expected, str) or expected.dtype.kind in "Ub":
        assert np.all(found == expected), path
    else:
        np.testing.assert_allclose(found, expected, rtol=RELATIVE, atol=ABSOLUTE, err_msg=path)


@pytest.fixture
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library whose arrays reach the host through `to_numpy` alone."""
    chosen = LIBRARIES[request.param]()
    replace_fetch(monkeypatch, lambda x: PLAIN(chosen.fetch(x)))
    return chosen


PLAIN = arrays.to_numpy


def replace_fetch(monkeypatch: pytest.MonkeyPatch, fetch: Callable[[Any], NDArray[Any]]) -> None:
    """Put another function in the place of `to_numpy`, wherever it is used."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "isthmus" and vars(module).get("to_numpy") is PLAIN:
            monkeypatch.setattr(module, "to_numpy", fetch)


@cache
def expected(name: str) -> Any:
    return numbers(CALLS[name](data()))


def test_every_public_metric_is_in_the_table() -> None:
    def takes_arrays(name: str) -> bool:
        found = getattr(metrics, name)
        return hasattr(found, "of") if isinstance(found, type) else callable(found)

    assert {name for name in metrics.__all__ if takes_arrays(name)} <= set(CALLS)
    assert set(CALLS) >= ON_THE_HOST


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("library", LIBRARIES, indirect=True)
def test_numbers_are_those_of_numpy(library: Library, name: str) -> None:
    assert_same(numbers(CALLS[name](data(library.put))), expected(name), name)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ON_THE_HOST])
def test_rows_stay_on_the_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = LIBRARIES["strict"]()
    fetched = 0

    def count(x: Any) -> NDArray[Any]:
        nonlocal fetched
        host = chosen.fetch(x)
        found = PLAIN(host)
        fetched += 0 if host is x else found.nbytes
        return found

    replace_fetch(monkeypatch, count)
    for module in ("intervals", "paired"):
        monkeypatch.setattr(f"isthmus.metrics.{module}.BLOCKS", 50)
    few, many = (data(chosen.put, n=n, width=512) for n in (200, 600))
    CALLS[name](few)
    before, fetched = fetched, 0
    CALLS[name](many)
    more = 4 * 512 * 2 * (600 - 200)  # bytes of so many more rows of x and of y
    assert fetched - before < FETCHED * more


@pytest.mark.parametrize("library", LIBRARIES, indirect=True)
def test_modalities_of_two_libraries_are_refused(library: Library) -> None:
    rows = np.eye(3, dtype=np.float32)
    with pytest.raises(InputError, match=r"arrays of one library; found .*\bnumpy\b"):
        Embeddings({"x": rows, "y": library.put(rows)})


def test_modalities_on_two_devices_are_refused() -> None:
    rows = np.eye(3, dtype=np.float32)
    first, second = (LIBRARIES[name]().put(rows) for name in ("strict", "strict, no doubles"))
    with pytest.raises(InputError, match=r"arrays on one device; found .*device1.*, .*no_float64"):
        Embeddings({"x": first, "y": second})


def test_jax_works_in_single_precision_on_doubles() -> None:
    put = LIBRARIES["jax"]().put
    rows = np.random.default_rng(0).normal(size=(2, 40, 8))
    expected = metrics.rmg(*rows)
    assert metrics.rmg(put(rows[0]), put(rows[1])) == pytest.approx(expected, rel=1e-5)
