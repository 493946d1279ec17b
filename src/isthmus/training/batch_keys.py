"""What a batch holds beside its modalities: what is known of its items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..models.inputs import PRESENT

GROUP = "group"
"""Key of a batch's group ids, (B,)."""

TARGETS = "items/targets"
"""Key of what is to be told of the items: (B,) classes, or (B, K) labels or numbers."""


@dataclass(frozen=True)
class Parts:
    """A batch taken apart: what the model sees, and what the objective is told of the items.

    Both are told which items have which modality: a fusion model leaves the others' tokens out,
    the objective their rows.
    """

    inputs: Mapping[str, Tensor]
    groups: Tensor | None
    mask: Mapping[str, Tensor] | None
    targets: Tensor | None = None

    @classmethod
    def of(cls, batch: Mapping[str, Tensor]) -> Parts:
        """The parts of a batch.

        >>> import torch
        >>> parts = Parts.of({"image": torch.ones(2, 3), "image/present": torch.ones(2).bool()})
        >>> list(parts.inputs), list(parts.mask), parts.groups
        (['image', 'image/present'], ['image'], None)
        """
        mask = {k.removesuffix(PRESENT): x for k, x in batch.items() if k.endswith(PRESENT)}
        inputs = {k: x for k, x in batch.items() if k not in (GROUP, TARGETS)}
        return cls(inputs, batch.get(GROUP), mask or None, batch.get(TARGETS))

    @property
    def known(self) -> dict[str, Any]:
        """What the objective is told, by the names of its arguments."""
        targets = {} if self.targets is None else {"targets": self.targets}
        return {"groups": self.groups, "mask": self.mask, **targets}
