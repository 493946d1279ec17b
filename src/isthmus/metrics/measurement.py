"""The results of `measure`: they print themselves and turn into dict, JSON and DataFrame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import missing
from .bias import Moad
from .clustering import Clustering
from .entropy import ContrastiveLoss, EntropySummary
from .estimate import Estimate
from .gap_vector import GapVector
from .mixed_search import MixedSearch
from .ranking import Retrieval
from .scatter import Scatter
from .uncertainty import Interval

if TYPE_CHECKING:
    import pandas

SIGNIFICANT_DIGITS = 6
"""Numbers are written with so many digits: beyond them, the order of additions shows."""


@dataclass(frozen=True)
class ModalityMeasurement:
    """One modality by itself.

    `mean_angular_value` is the mean cosine between its rows (its cone), `effective_rank` how
    many dimensions it fills, `uniformity` the Gaussian-potential one with its error.
    """

    name: str
    rows: int
    mean_angular_value: float
    effective_rank: float | None = None
    uniformity: Estimate | None = None


@dataclass(frozen=True)
class PairMeasurement:
    """Two modalities against each other.

    `retrieval` maps "a→b" (queries from a, candidates from b) to what it found; `intervals`
    maps "l2m", "rmg", "pair_cosine" and "recall@1 a→b" to their intervals. What only a full
    measurement has is None, or empty, in a fast one.
    """

    modalities: tuple[str, str]
    matched_pairs: int
    l2m: float
    rmg: float
    l2i: float
    pair_cosine: float
    alignment: float | None = None
    separability: float | None = None
    entropy: Mapping[str, EntropySummary] = field(default_factory=dict)
    loss: ContrastiveLoss | None = None
    vector: GapVector | None = None
    retrieval: Mapping[str, Retrieval] = field(default_factory=dict)
    intervals: Mapping[str, Interval] = field(default_factory=dict)

    def recall(self, direction: str | int, k: int = 1) -> float | None:
        """R@k of a direction, by name ("a→b") or place (0: a→b, 1: b→a); None if not measured."""
        if not self.retrieval:
            return None
        name = list(self.retrieval)[direction] if isinstance(direction, int) else direction
        return self.retrieval[name].recall[k]

    def mean_recall(self, k: int = 1) -> float:
        """R@k, mean of both directions."""
        return sum(found.recall[k] for found in self.retrieval.values()) / len(self.retrieval)


@dataclass(frozen=True)
class Measurement:
    """What `measure` found.

    `wasserstein_uniformity` is that of all modalities stacked. What needs labels (`clustering`,
    `knn_accuracy`, `scatter`) or attributes too (`moad`, by modality) is None, or empty, without
    them; so is in a fast measurement whatever takes more than one pass.
    """

    dimension: int
    modalities: tuple[ModalityMeasurement, ...]
    pairs: tuple[PairMeasurement, ...]
    clustering: Clustering | None = None
    knn_accuracy: Estimate | None = None
    mixed_search: MixedSearch | None = None
    wasserstein_uniformity: float | None = None
    scatter: Scatter | None = None
    moad: Mapping[str, Moad] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values, numbers rounded to `SIGNIFICANT_DIGITS`."""
        rounded: dict[str, Any] = plain(asdict(self))
        return rounded

    def to_json(self) -> str:
        """The same as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_records(self) -> list[dict[str, Any]]:
        """One flat record per pair of modalities."""
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


def plain(value: Any) -> Any:
    """Dicts with string keys, lists and numbers of `SIGNIFICANT_DIGITS`, ready for JSON."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return value


def _record(measurement: Measurement, pair: PairMeasurement) -> dict[str, Any]:
    clustering = measurement.clustering
    record: dict[str, Any] = {
        "modalities": " – ".join(pair.modalities),
        "matched_pairs": pair.matched_pairs,
        "l2m": pair.l2m,
        "rmg": pair.rmg,
        "l2i": pair.l2i,
        "pair_cosine": pair.pair_cosine,
        "separability": pair.separability,
        "share_of_variance": pair.vector.share_of_variance if pair.vector else None,
    }
    for way, found in pair.retrieval.items():
        record |= {f"recall@{k} {way}": value for k, value in found.recall.items()}
        record[f"median_rank {way}"] = found.median_rank
        record[f"mrr {way}"] = found.mean_reciprocal_rank
        record[f"ndcg@{found.ndcg_at} {way}"] = found.ndcg
        record[f"map {way}"] = found.mean_average_precision
    for name, interval in pair.intervals.items():
        record |= {f"{name} low": interval.low, f"{name} high": interval.high}
    record["v_measure"] = clustering.v_measure if clustering else None
    knn = measurement.knn_accuracy
    record["knn_accuracy"] = None if knn is None else knn.value
    return record
