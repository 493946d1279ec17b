"""Closers: transforms, fitted on embeddings, that close a modality gap after the fact."""

from .affine import Affine, AffineMap
from .affine_closer import AffineCloser
from .base import Closer
from .centering import Centering
from .drift import Drift, DriftWarning
from .file import load_closer
from .statistics import Needs, Statistics

KINDS: dict[str, type[Closer]] = {closer.kind: closer for closer in (Centering,)}
"""Every closer, by the name that the command line and saved files use."""

__all__ = [
    "KINDS",
    "Affine",
    "AffineCloser",
    "AffineMap",
    "Centering",
    "Closer",
    "Drift",
    "DriftWarning",
    "Needs",
    "Statistics",
    "load_closer",
]
