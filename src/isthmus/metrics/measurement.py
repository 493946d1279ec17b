"""The results of `measure`: they print themselves and turn into dict, JSON and DataFrame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import missing
from .bias import Moad, PresenceBias
from .clustering import Clustering
from .dimension_ablation import DimensionAblation
from .entropy import ContrastiveLoss, EntropySummary
from .estimate import Estimate
from .gap_vector import GapVector
from .group_measurement import KnnAccuracies, ModalityGroups, PairGroups
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
    many dimensions it fills, `uniformity` the Gaussian-potential one with its error,
    `wasserstein_uniformity` the other one. With labels, `groups` holds its clusters and probe.
    """

    name: str
    rows: int
    mean_angular_value: float
    effective_rank: float | None = None
    uniformity: Estimate | None = None
    wasserstein_uniformity: float | None = None
    groups: ModalityGroups | None = None


@dataclass(frozen=True)
class LargestMeans:
    """The dimension with the largest mean of each modality, and the AUC of these two alone."""

    dimensions: tuple[int, int]
    separation: float


@dataclass(frozen=True)
class PairMeasurement:
    """Two modalities against each other.

    `alignment` is the mean squared distance of true pairs, `centroid_uniformity` the uniformity
    of the centres of matched groups. `retrieval` maps "a→b" (queries from a, candidates from b)
    to what it found; `intervals` maps "l2m", "rmg", "pair_cosine" and "recall@1 a→b" to their
    intervals. What only a full measurement has is None, or empty, in a fast one; so are
    `groups` without labels.
    """

    modalities: tuple[str, str]
    matched_pairs: int
    l2m: float
    rmg: float
    l2i: float
    pair_cosine: float
    alignment: float | None = None
    centroid_uniformity: Estimate | None = None
    separability: float | None = None
    entropy: Mapping[str, EntropySummary] = field(default_factory=dict)
    loss: ContrastiveLoss | None = None
    vector: GapVector | None = None
    largest_means: LargestMeans | None = None
    ablation: DimensionAblation | None = None
    groups: PairGroups | None = None
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

    `centroid_distances` is the matrix of L2M of every two modalities, in their order, and
    `mean_centroid_distance` its mean over pairs. `uniformity` and `wasserstein_uniformity` are
    those of all modalities stacked. What needs labels (`clustering`, `knn_accuracy`,
    `knn_accuracies`, `scatter`, and the `groups` of modalities and pairs) or attributes too
    (`moad` and `presence`, by modality) is None, or empty, without them; so is in a fast
    measurement whatever takes more than one pass.
    """

    dimension: int
    modalities: tuple[ModalityMeasurement, ...]
    pairs: tuple[PairMeasurement, ...]
    centroid_distances: tuple[tuple[float, ...], ...] = ()
    mean_centroid_distance: float | None = None
    clustering: Clustering | None = None
    knn_accuracy: Estimate | None = None
    knn_accuracies: KnnAccuracies | None = None
    mixed_search: MixedSearch | None = None
    uniformity: Estimate | None = None
    wasserstein_uniformity: float | None = None
    scatter: Scatter | None = None
    moad: Mapping[str, Moad] = field(default_factory=dict)
    presence: Mapping[str, PresenceBias] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values, numbers rounded to `SIGNIFICANT_DIGITS`."""
        rounded: dict[str, Any] = plain(asdict(self))
        return rounded

    def to_json(self) -> str:
        """The same as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def to_records(self) -> list[dict[str, Any]]:
        """One flat record per pair of modalities."""
        from .records import record

        return [plain(record(self, pair)) for pair in self.pairs]

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
