"""Sets of the items that have several modalities, for slow references."""

from collections.abc import Sequence

import numpy as np

from tests.objectives.batches import Given
from tests.reference.nt_xent import Set


def complete(batch: Given, names: Sequence[str]) -> list[Set]:
    """First views of these modalities, of the items that have them all."""
    have = np.ones(batch.rows, bool)
    for name in names:
        if batch.mask is not None and name in batch.mask:
            have &= batch.mask[name].numpy()
    codes = np.arange(batch.rows) if batch.groups is None else batch.groups.numpy()
    weights = np.ones(batch.rows) if batch.weights is None else batch.weights.numpy()
    return [
        Set(batch.embeddings[name][0].numpy()[have], codes[have], weights[have]) for name in names
    ]
