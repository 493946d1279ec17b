"""Objects against attributes, and against what captions name: the part of `measure` on bias."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..embeddings import Embeddings
from .absent import or_none
from .bias import Moad, PresenceBias, caption_presence_bias, moad

NAMED = "named_"
"""Before the name of an attribute, or of the labels: whether the item's caption names it."""

LABEL = "label"
"""What the labels are called among factors."""


def measure_bias(embeddings: Embeddings) -> dict[str, Moad]:
    """MOAD of each modality, of the attributes that items have; they need labels too."""
    own = _factors(embeddings)
    if embeddings.labels is None or not own:
        return {}
    return {
        name: moad(
            embeddings[name],
            embeddings.labels[name],
            np.stack([values[name] for values in own.values()], axis=1),
        )
        for name in embeddings.names
    }


def measure_presence(embeddings: Embeddings) -> dict[str, PresenceBias]:
    """`caption_presence_bias` of each modality, over the factors that have a `named_` attribute.

    An attribute `named_red` says for each item whether its caption says if it is red, and
    `named_label` whether it names its class. Empty for fewer than two such factors.
    """
    factors: dict[str, Mapping[str, NDArray[Any]]] = {**_factors(embeddings)}
    if embeddings.labels is not None:
        factors[LABEL] = embeddings.labels
    given = embeddings.attributes
    named = {factor: given[NAMED + factor] for factor in factors if NAMED + factor in given}
    if len(named) < 2:
        return {}
    found = {}
    for name in embeddings.names:
        values = {f: factors[f][name] for f in named}
        said = {f: named[f][name] for f in named}
        bias = or_none(partial(caption_presence_bias, embeddings[name], values, said))
        if bias is not None:
            found[name] = bias
    return found


def _factors(embeddings: Embeddings) -> dict[str, Mapping[str, NDArray[np.bool_]]]:
    """The attributes that items have."""
    return {a: v for a, v in embeddings.attributes.items() if not a.startswith(NAMED)}
