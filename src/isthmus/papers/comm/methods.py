"""The methods that are compared: what each trains, and on how many views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CROSS, CROSS_SELF, FACTOR_CL, COMM = "Cross", "Cross+Self", "FactorCL", "CoMM"

FUSED_ONLY, ALONE_ONLY = "ℒ alone", "Σ ℒᵢ alone"
"""CoMM without its terms of single modalities, and without that of all of them fused."""


@dataclass(frozen=True)
class Method:
    """An objective and the model that it is for.

    Attributes
    ----------
    objective:
        As a section of a recipe.
    views:
        Views of each modality; one is not augmented.
    fused:
        Train a fusion model; towers if not.
    heads:
        Towers have projectors, which only the loss sees.
    sized:
        The objective must know the modalities and the width of their embeddings.
    told:
        The objective must know what there is to tell, which a task fills in.
    """

    objective: Mapping[str, Any]
    views: int = 2
    fused: bool = False
    heads: bool = False
    sized: bool = False
    told: bool = False

    def made_for(self, modalities: Sequence[str], dimension: int) -> dict[str, Any]:
        """The objective for towers with these modalities, of this dimension."""
        known = {"modalities": list(modalities), "width": dimension} if self.sized else {}
        return {**self.objective, **known}


METHODS: Mapping[str, Method] = {
    CROSS: Method({"class": "InfoNCE", "temperature": 0.07, "learnable": True}, views=1),
    CROSS_SELF: Method({"class": "CrossSelf", "temperature": 0.1}, heads=True),
    FACTOR_CL: Method({"class": "FactorCL", "temperature": 0.1}, sized=True),
    COMM: Method({"class": "CoMM", "temperature": 0.1}, fused=True),
}
"""Row of a table → method."""

CMC = Method({"class": "CMC", "temperature": 0.1}, views=1, heads=True)
"""The baseline for three modalities."""

SUPERVISED_FUSED = Method({"class": "Supervised", "modalities": ["fused"]}, fused=True, told=True)
"""The fusion model, told what there is to tell."""


def partly(modalities: Sequence[str]) -> dict[str, Method]:
    """CoMM without a part of its loss."""
    alone = {name: 0.0 for name in modalities}  # noqa: C420
    weights = {FUSED_ONLY: alone, ALONE_ONLY: {"fused": 0.0}}
    whole = METHODS[COMM].objective
    return {row: Method({**whole, "weights": w}, fused=True) for row, w in weights.items()}


NOTES = (
    "Cross is CLIP's loss with a learnable temperature, on pictures that are not augmented. "
    "Cross+Self, FactorCL and CoMM have a fixed temperature of 0.1 and two augmented views.",
    "Probes read the embeddings of all modalities side by side before any head (Cross: after its "
    "linear projection), of CoMM the fused features before the projector.",
)
