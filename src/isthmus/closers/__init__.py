"""Closers: transforms, fitted on embeddings, that close a modality gap after the fact."""

from .base import Affine, Closer, load_closer
from .centering import Centering

KINDS: dict[str, type[Closer]] = {closer.kind: closer for closer in (Centering,)}
"""Every closer, by the name that the command line and saved files use."""

__all__ = ["KINDS", "Affine", "Centering", "Closer", "load_closer"]
