"""What a batch holds beside its modalities: group ids, and which items have which modality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from ..models.inputs import PRESENT

GROUP = "group"
"""Key of a batch's group ids, (B,)."""


@dataclass(frozen=True)
class Parts:
    """A batch taken apart: what the model sees, and what the objective is told of the items.

    Both are told which items have which modality: a fusion model leaves the others' tokens out,
    the objective their rows.
    """

    inputs: Mapping[str, Tensor]
    groups: Tensor | None
    mask: Mapping[str, Tensor] | None

    @classmethod
    def of(cls, batch: Mapping[str, Tensor]) -> Parts:
        """The parts of a batch.

        >>> import torch
        >>> parts = Parts.of({"image": torch.ones(2, 3), "image/present": torch.ones(2).bool()})
        >>> list(parts.inputs), list(parts.mask), parts.groups
        (['image', 'image/present'], ['image'], None)
        """
        mask = {k.removesuffix(PRESENT): x for k, x in batch.items() if k.endswith(PRESENT)}
        inputs = {k: x for k, x in batch.items() if k != GROUP}
        return cls(inputs, batch.get(GROUP), mask or None)
