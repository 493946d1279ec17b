"""What a batch holds beside its modalities: group ids, and which items have which modality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

GROUP = "group"
"""Key of a batch's group ids, (B,)."""

PRESENT = "/present"
"""After a modality's name: key of a batch's (B,) booleans, which items have it."""


@dataclass(frozen=True)
class Parts:
    """A batch taken apart: what towers see, and what the objective is told of the items."""

    inputs: Mapping[str, Tensor]
    groups: Tensor | None
    mask: Mapping[str, Tensor] | None

    @classmethod
    def of(cls, batch: Mapping[str, Tensor]) -> Parts:
        """The parts of a batch.

        >>> import torch
        >>> parts = Parts.of({"image": torch.ones(2, 3), "image/present": torch.ones(2).bool()})
        >>> list(parts.inputs), list(parts.mask), parts.groups
        (['image'], ['image'], None)
        """
        mask = {k.removesuffix(PRESENT): x for k, x in batch.items() if k.endswith(PRESENT)}
        inputs = {k: x for k, x in batch.items() if k != GROUP and not k.endswith(PRESENT)}
        return cls(inputs, batch.get(GROUP), mask or None)
