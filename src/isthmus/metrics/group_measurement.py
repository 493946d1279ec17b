"""What `measure` finds where rows have labels: results of one modality, of two, and of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .clustering import Clustering
from .estimate import Estimate
from .probe import ProbeResult
from .redundancy import InformationEstimate
from .scatter import Scatter


@dataclass(frozen=True)
class ModalityGroups:
    """One modality by itself: its clusters, and how many rows they are of; a linear probe."""

    clustering: Clustering | None
    clustered_rows: int
    probe: ProbeResult | None


@dataclass(frozen=True)
class ZeroShot:
    """Rows of one modality named by the nearest class of the other.

    `accuracy` maps k to top-k accuracy, with its error where only some rows were asked;
    `rows_per_class` is the mean number of rows that a class's prototype is averaged from.
    """

    accuracy: Mapping[int, Estimate]
    classes: int
    rows_per_class: float


@dataclass(frozen=True)
class ClassOrder:
    """Kendall distance of the orders of classes in two modalities, and how many classes."""

    distance: float
    classes: int


@dataclass(frozen=True)
class PairGroups:
    """Two modalities: "a→b" names rows of a by classes of b; what both say about labels."""

    zero_shot: Mapping[str, ZeroShot] = field(default_factory=dict)
    class_order: ClassOrder | None = None
    information: InformationEstimate | None = None


@dataclass(frozen=True)
class KnnAccuracies:
    """ "a→b": how well rows of a classify those of b; and how many rows of each took part."""

    accuracy: Mapping[str, float]
    rows: Mapping[str, int]


@dataclass(frozen=True)
class GroupMeasurement:
    """All that labels bring, by modality, by pair, and of all modalities together."""

    clustering: Clustering
    scatter: Scatter
    knn_accuracy: Estimate | None
    knn_accuracies: KnnAccuracies | None
    by_modality: Mapping[str, ModalityGroups]
    by_pair: Mapping[tuple[str, str], PairGroups]
