"""Closers: transforms, fitted on embeddings, that close a modality gap after the fact."""

from .affine import Affine, AffineMap
from .affine_closer import AffineCloser
from .base import Closer
from .cca import CCA
from .centering import Centering
from .dimension_removal import DimensionRemoval
from .drift import Drift, DriftWarning
from .file import load_closer
from .gap_shift import GapShift
from .ideal_words import IdealWords
from .interpolation import Interpolation
from .learned_map import LearnedMap
from .make import make_closer
from .pipeline import Pipeline
from .procrustes import Procrustes
from .realign import ReAlign
from .ridge import Ridge
from .standardising import Standardising
from .statistics import Needs, Statistics
from .subspace_alignment import SubspaceAlignment
from .whitening import Whitening

KINDS: dict[str, type[Closer]] = {
    closer.kind: closer
    for closer in (
        CCA,
        Centering,
        DimensionRemoval,
        GapShift,
        IdealWords,
        Interpolation,
        LearnedMap,
        Pipeline,
        Procrustes,
        ReAlign,
        Ridge,
        Standardising,
        SubspaceAlignment,
        Whitening,
    )
}
"""Every closer, by the name that the command line and saved files use."""

__all__ = [
    "CCA",
    "KINDS",
    "Affine",
    "AffineCloser",
    "AffineMap",
    "Centering",
    "Closer",
    "DimensionRemoval",
    "Drift",
    "DriftWarning",
    "GapShift",
    "IdealWords",
    "Interpolation",
    "LearnedMap",
    "Needs",
    "Pipeline",
    "Procrustes",
    "ReAlign",
    "Ridge",
    "Standardising",
    "Statistics",
    "SubspaceAlignment",
    "Whitening",
    "load_closer",
    "make_closer",
]
