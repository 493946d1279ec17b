"""Every metric of an embedding space in one call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import Array, to_numpy, unit_rows
from ..embeddings import Embeddings
from ..errors import InputError, missing
from .clustering import Clustering, joint_clustering
from .gap import l2m_from, rmg_from
from .moments import Moments
from .neighbours import knn_accuracy
from .pair_moments import PairMoments
from .retrieval import ranks, recalls

if TYPE_CHECKING:
    import pandas

RECALL_AT = (1, 5, 10)
"""The k of R@k."""

SIGNIFICANT_DIGITS = 6
"""Numbers are written with so many digits: beyond them, the order of additions shows."""


@dataclass(frozen=True)
class ModalityMeasurement:
    """One modality by itself: its rows, and the mean cosine between them (its cone)."""

    name: str
    rows: int
    mean_angular_value: float


@dataclass(frozen=True)
class PairMeasurement:
    """Two modalities against each other.

    `recall` maps "a→b" (queries from a, candidates from b) to k → R@k.
    """

    modalities: tuple[str, str]
    matched_pairs: int
    l2m: float
    rmg: float
    l2i: float
    pair_cosine: float
    recall: Mapping[str, Mapping[int, float]]

    def mean_recall(self, k: int = 1) -> float:
        """R@k, mean of both directions."""
        return sum(found[k] for found in self.recall.values()) / len(self.recall)


@dataclass(frozen=True)
class Measurement:
    """What `measure` found. Prints itself as a table; turns into dict, JSON and DataFrame.

    `clustering` and `knn_accuracy` are None where no labels were given (or kNN could not be
    split by group).
    """

    dimension: int
    modalities: tuple[ModalityMeasurement, ...]
    pairs: tuple[PairMeasurement, ...]
    clustering: Clustering | None = None
    knn_accuracy: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values, numbers rounded to `SIGNIFICANT_DIGITS`."""
        rounded: dict[str, Any] = plain(asdict(self))
        return rounded

    def to_json(self) -> str:
        """The same as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_records(self) -> list[dict[str, Any]]:
        """One flat record per pair of modalities, with the columns of the printed table."""
        return [plain(_record(self, pair)) for pair in self.pairs]

    def to_frame(self) -> pandas.DataFrame:
        """The records as a pandas DataFrame."""
        try:
            import pandas
        except ImportError:
            raise missing("pandas", extra="frames") from None
        return pandas.DataFrame.from_records(self.to_records())

    def __str__(self) -> str:
        lines = []
        for record in self.to_records():
            width = max(map(len, record))
            lines += [f"{key:<{width}}  {value}" for key, value in record.items()]
            lines.append("")
        return "\n".join(lines[:-1])


def measure(embeddings: Embeddings, *, n_clusters: int | None = None, seed: int = 0) -> Measurement:
    """Measure the modality gap of an embedding space, and what it costs.

    For every pair of modalities: L2M, RMG, L2I, true-pair cosine and R@1, 5, 10 in both
    directions. For every modality: its mean angular value. Where rows have labels: joint
    k-means over all modalities against the labels (V-measure) and kNN accuracy. All of it is
    exact; the definitions are with the plain functions in `isthmus.metrics`.

    Parameters
    ----------
    embeddings:
        The space; a pair of modalities without any common group is left out.
    n_clusters:
        k of the joint k-means; the number of labels if not given.
    seed:
        Seed of k-means.

    Examples
    --------
    >>> space = Embeddings({"image": np.eye(4), "text": np.eye(4) + [0, 0, 0, 2]})
    >>> pair = measure(space).pairs[0]
    >>> round(pair.l2m, 2), pair.recall["text→image"][1]
    (0.71, 0.25)
    """
    moments = {name: Moments.of(x) for name, x in embeddings.arrays.items()}
    pairs = [
        _measure_pair(embeddings, a, b, moments)
        for a, b in embeddings.pairs
        if np.isin(embeddings.codes[a], embeddings.codes[b]).any()
    ]
    clustering, knn = _measure_groups(embeddings, n_clusters, seed)
    return Measurement(
        dimension=embeddings.dimension,
        modalities=tuple(
            ModalityMeasurement(name, m.count, m.mean_cosine) for name, m in moments.items()
        ),
        pairs=tuple(pairs),
        clustering=clustering,
        knn_accuracy=knn,
    )


def _measure_pair(
    embeddings: Embeddings, a: str, b: str, moments: Mapping[str, Moments]
) -> PairMeasurement:
    x, y = embeddings[a], embeddings[b]
    codes = embeddings.codes[a], embeddings.codes[b]
    matched = PairMoments.of(x, y, codes)
    return PairMeasurement(
        modalities=(a, b),
        matched_pairs=matched.count,
        l2m=l2m_from(moments[a], moments[b]),
        rmg=rmg_from(moments[a], moments[b], matched),
        l2i=matched.mean_distance,
        pair_cosine=matched.mean_cosine,
        recall={
            f"{a}→{b}": recalls(ranks(x, y, codes), RECALL_AT),
            f"{b}→{a}": recalls(ranks(y, x, codes[::-1]), RECALL_AT),
        },
    )


def _measure_groups(
    embeddings: Embeddings, n_clusters: int | None, seed: int
) -> tuple[Clustering | None, float | None]:
    if embeddings.labels is None:
        return None, None
    rows = stacked_unit_rows(embeddings)
    labels = np.concatenate(list(embeddings.labels.values()))
    clustering = joint_clustering(rows, labels, n_clusters=n_clusters, seed=seed)
    try:
        knn = knn_accuracy(rows, labels, np.concatenate(list(embeddings.codes.values())))
    except InputError:  # too few groups to split: the space has no such number
        knn = None
    return clustering, knn


def stacked_unit_rows(embeddings: Embeddings) -> Array:
    """The unit rows of all modalities, (Σ N_m, D), in their order, on the host."""
    return np.concatenate([to_numpy(unit_rows(x)) for x in embeddings.arrays.values()])


def _record(measurement: Measurement, pair: PairMeasurement) -> dict[str, Any]:
    clustering = measurement.clustering
    return {
        "modalities": " – ".join(pair.modalities),
        "matched_pairs": pair.matched_pairs,
        "l2m": pair.l2m,
        "rmg": pair.rmg,
        "l2i": pair.l2i,
        "pair_cosine": pair.pair_cosine,
        **{f"recall@{k} {way}": r for way, found in pair.recall.items() for k, r in found.items()},
        "v_measure": clustering.v_measure if clustering else None,
        "knn_accuracy": measurement.knn_accuracy,
    }


def plain(value: Any) -> Any:
    """Dicts with string keys, lists and numbers of `SIGNIFICANT_DIGITS`, ready for JSON."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return value
