"""Readers: from what a user has on disk to `Embeddings`, and back."""

from .read import Raw, read_attributes, read_embeddings, read_raw, read_sets
from .side import GROUPS, LABELS
from .write import embedding_writers, write_embeddings

__all__ = [
    "GROUPS",
    "LABELS",
    "Raw",
    "embedding_writers",
    "read_attributes",
    "read_embeddings",
    "read_raw",
    "read_sets",
    "write_embeddings",
]
