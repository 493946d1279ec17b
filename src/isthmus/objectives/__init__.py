"""Objectives: losses for anyone's training loop. Tensors in, named terms out.

An objective is a module called with name → (B, D) embeddings; it returns `Terms`, whose
`total` is differentiated and whose `values` are logged. All of them are linear in memory and
exact at any number of ranks: see `Objective`.
"""

from .align import AlignTruePairs, align_true_pairs
from .batch import Batch
from .cached_step import CachedStep
from .close_gap import CloseGap
from .info_nce import InfoNCE, info_nce
from .objective import Objective, WeightedSum
from .schedules import Cosine, Piecewise
from .temperature import Temperature
from .terms import Modalities, Terms
from .uniformity import CentroidUniformity, centroid_uniformity

__all__ = [
    "AlignTruePairs",
    "Batch",
    "CachedStep",
    "CentroidUniformity",
    "CloseGap",
    "Cosine",
    "InfoNCE",
    "Modalities",
    "Objective",
    "Piecewise",
    "Temperature",
    "Terms",
    "WeightedSum",
    "align_true_pairs",
    "centroid_uniformity",
    "info_nce",
]
