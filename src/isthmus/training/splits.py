"""Data whose splits are told: what probes learn from, choose by, and are scored on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from torch import nn

from ..datasets.splits import SPLITS, Split
from ..objectives.supervised import TargetKind as Kind


@dataclass(frozen=True)
class ProbeRows:
    """What a model makes of a split, and what is to be read from it.

    Attributes
    ----------
    rows:
        Name of the embedding, a modality or "fused" → (N, D).
    targets:
        (N,) classes, (N, K) labels that are 0 or 1, or (N, K) numbers.
    """

    rows: Mapping[str, NDArray[Any]]
    targets: NDArray[Any]


class Probed(ABC):
    """Data with a training, a validation and a test split, that share no item.

    Attributes
    ----------
    kind:
        What their targets are.
    """

    kind: Kind = "classes"

    @abstractmethod
    def features(self, model: nn.Module, split: Split) -> ProbeRows:
        """All items of a split as they are, through a model in evaluation mode."""


__all__ = ["SPLITS", "Kind", "ProbeRows", "Probed", "Split"]
