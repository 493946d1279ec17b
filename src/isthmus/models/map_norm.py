"""Normalisation inside convolutional encoders, by name."""

from __future__ import annotations

from math import gcd
from typing import Literal, TypeAlias

from torch import nn

from .batch_norm import BatchNormMap

MapNorm: TypeAlias = Literal["batch", "group"]
"""Over the items of a batch, or over channels and places of an item."""

GROUP = 16
"""Channels that are normalised together by "group", where their number can be divided so."""


def map_norm(kind: MapNorm, width: int) -> nn.Module:
    """Normalisation of maps (B, width, H, W).

    "batch" is over the items of all ranks (`BatchNormMap`): as published, and learns fast, but an
    item's embedding depends on the others of its batch that have the modality in training, and on
    its chunk (`CachedStep`). "group" is over channels in groups of 16 and all
    places of one item, so that no item depends on another; a width that 16 does not divide has
    fewer, larger groups.

    Source: Wu and He, *Group Normalization* (2018).

    >>> map_norm("group", 64).num_groups
    4
    """
    if kind == "batch":
        return BatchNormMap(width)
    if kind == "group":
        return nn.GroupNorm(gcd(width, max(1, width // GROUP)), width)
    raise ValueError(f"norm must be 'batch' or 'group'; found '{kind}'")
