"""Objectives: losses for anyone's training loop. Tensors in, named terms out.

An objective is a module called with name → (B, D) embeddings; it returns `Terms`, whose
`total` is differentiated and whose `values` are logged.
"""

from .close_gap import CloseGap, align_true_pairs, centroid_uniformity
from .info_nce import InfoNCE, info_nce
from .terms import Modalities, Terms

__all__ = [
    "CloseGap",
    "InfoNCE",
    "Modalities",
    "Terms",
    "align_true_pairs",
    "centroid_uniformity",
    "info_nce",
]
