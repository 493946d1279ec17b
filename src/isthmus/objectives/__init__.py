"""Objectives: losses for anyone's training loop. Tensors in, named terms out.

An objective is a module called with name → (B, D) embeddings; it returns `Terms`, whose
`total` is differentiated and whose `values` are logged. All of them are linear in memory and
exact at any number of ranks: see `Objective`.
"""

from .align import AlignTruePairs, align_true_pairs
from .align_clip import AlignCLIP, IntraModalitySeparation
from .batch import Batch
from .cached_step import CachedStep
from .close_gap import CloseGap
from .cmc import CMC
from .co_mm import CoMM
from .contrastive_gap import ContrastiveGap, CrossUniformity
from .cross_self import CrossSelf
from .cy_clip import Consistency, CyCLIP
from .factor_cl import FactorCL
from .gap_target import GapTarget
from .gram import GramVolume
from .info_nce import InfoNCE, info_nce
from .modality_uniformity import ModalityUniformity
from .objective import Objective, WeightedSum
from .schedules import Cosine, Piecewise
from .sig_lip import SigLIP
from .sim_clr import SimCLR
from .slip import SLIP
from .sup_con import SupCon
from .supervised import Supervised
from .symile import Symile
from .temperature import Temperature
from .terms import Modalities, Terms
from .triangle import TriangleArea
from .uniformity import CentroidUniformity, centroid_uniformity

__all__ = [
    "CMC",
    "SLIP",
    "AlignCLIP",
    "AlignTruePairs",
    "Batch",
    "CachedStep",
    "CentroidUniformity",
    "CloseGap",
    "CoMM",
    "Consistency",
    "ContrastiveGap",
    "Cosine",
    "CrossSelf",
    "CrossUniformity",
    "CyCLIP",
    "FactorCL",
    "GapTarget",
    "GramVolume",
    "InfoNCE",
    "IntraModalitySeparation",
    "Modalities",
    "ModalityUniformity",
    "Objective",
    "Piecewise",
    "SigLIP",
    "SimCLR",
    "SupCon",
    "Supervised",
    "Symile",
    "Temperature",
    "Terms",
    "TriangleArea",
    "WeightedSum",
    "align_true_pairs",
    "centroid_uniformity",
    "info_nce",
]
