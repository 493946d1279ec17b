"""Readers: from what a user has on disk to `Embeddings`, and back."""

from .read import read_embeddings, read_sets
from .write import write_embeddings

__all__ = ["read_embeddings", "read_sets", "write_embeddings"]
