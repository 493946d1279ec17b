"""Metrics of the modality gap: plain functions from arrays to numbers, and `measure`.

Arrays may be numpy, torch, CuPy or JAX, of any real dtype; rows are scaled to unit length.
"""

from .clustering import Clustering, joint_clustering
from .gap import dimension_gap, l2i, l2m, mean_angular_value, pair_cosine, rmg
from .measure import Measurement, ModalityMeasurement, PairMeasurement, measure
from .moments import Moments
from .neighbours import knn_accuracy
from .pair_moments import PairMoments
from .retrieval import Ranks, ranks, recall_at_k

__all__ = [
    "Clustering",
    "Measurement",
    "ModalityMeasurement",
    "Moments",
    "PairMeasurement",
    "PairMoments",
    "Ranks",
    "dimension_gap",
    "joint_clustering",
    "knn_accuracy",
    "l2i",
    "l2m",
    "mean_angular_value",
    "measure",
    "pair_cosine",
    "ranks",
    "recall_at_k",
    "rmg",
]
