"""Metrics of the modality gap: plain functions from arrays to numbers, and `measure`.

Arrays may be numpy, torch, CuPy or JAX, of any real dtype; rows are scaled to unit length.
"""

from .bias import FactorBias, Moad, PresenceBias, caption_presence_bias, factor_bias, moad
from .clustering import Clustering, cluster_each, joint_clustering, modality_purity
from .dimension_ablation import DimensionAblation, dimension_ablation
from .dimensions import dimension_separation, largest_mean_dimensions
from .entropy import (
    ContrastiveLoss,
    EntropySummary,
    contrastive_loss,
    entropy_summary,
    softmax_entropy,
)
from .estimate import Estimate
from .gap import dimension_gap, l2i, l2m, mean_angular_value, pair_cosine, rmg
from .gap_vector import GapVector, centroid_distances, gap_vector, mean_centroid_distance
from .group_measurement import ClassOrder, KnnAccuracies, ModalityGroups, PairGroups, ZeroShot
from .information import Pid, joint_counts, mutual_information, pid
from .intervals import GapIntervals, gap_intervals
from .measure import measure
from .measurement import LargestMeans, Measurement, ModalityMeasurement, PairMeasurement
from .mixed_search import MixedQueries, MixedSearch, mixed_search
from .moments import Moments
from .neighbourhood import neighbourhood_distance
from .neighbours import knn_accuracies, knn_accuracy, knn_estimate
from .pair_moments import PairMoments
from .paired import PairedDifference, paired_difference
from .pairing import Pairing, pair_sets
from .probe import ProbeResult, linear_probe
from .ranking import RankingScores, Retrieval, retrieval
from .recall import Ranks, ranks, recall_at_k
from .redundancy import InformationEstimate, ProbedSource, estimate_information
from .scatter import Scatter, class_scatter
from .second_moments import SecondMoments
from .separability import modality_auc
from .spectrum import effective_rank
from .split_probe import SplitProbe, probe_splits
from .state import GapState
from .uncertainty import (
    Interval,
    Null,
    bootstrap,
    difference,
    matched_sizes,
    mean_interval,
    permutation_null,
)
from .uniformity import (
    alignment,
    gaussian_uniformity,
    pair_centroids,
    wasserstein_uniformity,
)
from .zero_shot import Prototypes, class_prototypes, zero_shot_accuracy

__all__ = [
    "ClassOrder",
    "Clustering",
    "ContrastiveLoss",
    "DimensionAblation",
    "EntropySummary",
    "Estimate",
    "FactorBias",
    "GapIntervals",
    "GapState",
    "GapVector",
    "InformationEstimate",
    "Interval",
    "KnnAccuracies",
    "LargestMeans",
    "Measurement",
    "MixedQueries",
    "MixedSearch",
    "Moad",
    "ModalityGroups",
    "ModalityMeasurement",
    "Moments",
    "Null",
    "PairGroups",
    "PairMeasurement",
    "PairMoments",
    "PairedDifference",
    "Pairing",
    "Pid",
    "PresenceBias",
    "ProbeResult",
    "ProbedSource",
    "Prototypes",
    "RankingScores",
    "Ranks",
    "Retrieval",
    "Scatter",
    "SecondMoments",
    "SplitProbe",
    "ZeroShot",
    "alignment",
    "bootstrap",
    "caption_presence_bias",
    "centroid_distances",
    "class_prototypes",
    "class_scatter",
    "cluster_each",
    "contrastive_loss",
    "difference",
    "dimension_ablation",
    "dimension_gap",
    "dimension_separation",
    "effective_rank",
    "entropy_summary",
    "estimate_information",
    "factor_bias",
    "gap_intervals",
    "gap_vector",
    "gaussian_uniformity",
    "joint_clustering",
    "joint_counts",
    "knn_accuracies",
    "knn_accuracy",
    "knn_estimate",
    "l2i",
    "l2m",
    "largest_mean_dimensions",
    "linear_probe",
    "matched_sizes",
    "mean_angular_value",
    "mean_centroid_distance",
    "mean_interval",
    "measure",
    "mixed_search",
    "moad",
    "modality_auc",
    "modality_purity",
    "mutual_information",
    "neighbourhood_distance",
    "pair_centroids",
    "pair_cosine",
    "pair_sets",
    "paired_difference",
    "permutation_null",
    "pid",
    "probe_splits",
    "ranks",
    "recall_at_k",
    "retrieval",
    "rmg",
    "softmax_entropy",
    "wasserstein_uniformity",
    "zero_shot_accuracy",
]
