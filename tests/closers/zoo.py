"""Every closer of the package, as the conformance suite makes it."""

from __future__ import annotations

from collections.abc import Callable

from isthmus.closers import (
    CCA,
    Centering,
    Closer,
    DimensionRemoval,
    GapShift,
    IdealWords,
    Interpolation,
    LearnedMap,
    Pipeline,
    Procrustes,
    ReAlign,
    Ridge,
    Standardising,
    SubspaceAlignment,
    Whitening,
)

ZOO: dict[str, Callable[[], Closer]] = {
    "cca": CCA,
    "cca, narrow": lambda: CCA(k=3, power=0),
    "cca, to the letter": lambda: CCA(strength=0, power=0.5),
    "centering": Centering,
    "dimensions": DimensionRemoval,
    "dimensions, most": lambda: DimensionRemoval(k=6),
    "ideal words": IdealWords,
    "ideal words, projected": lambda: IdealWords(project=True),
    "interpolation": Interpolation,
    "interpolation, nothing": lambda: Interpolation(weight=0),
    "learned": lambda: LearnedMap(steps=8),
    "learned, in batches": lambda: LearnedMap(steps=6, batch=16, strength=0, seed=1),
    "pipeline": lambda: Pipeline([Centering(), Procrustes(center=False)]),
    "pipeline of one": lambda: Pipeline([Centering()]),
    "pipeline, not affine": lambda: Pipeline([Whitening(), Ridge(), Centering()]),
    "pipeline with labels": lambda: Pipeline([IdealWords(), CCA(k=4)]),
    "procrustes": Procrustes,
    "procrustes, linear, to text": lambda: Procrustes(to="text", center=False),
    "procrustes, of the books": lambda: Procrustes(strength=0),
    "realign": ReAlign,
    "realign to text": lambda: ReAlign(to="text"),
    "ridge": Ridge,
    "ridge onto text": lambda: Ridge(to="text", strength=0.5, center=False),
    "ridge, ordinary": lambda: Ridge(to="image", prior="zero"),
    "ridge, least squares": lambda: Ridge(strength=0),
    "shift": GapShift,
    "shift, away": lambda: GapShift(strength=-1.5),
    "standardising": Standardising,
    "subspace": SubspaceAlignment,
    "subspace, narrow, to text": lambda: SubspaceAlignment(k=3, to="text"),
    "whitening": Whitening,
    "whitening, by the oracle": lambda: Whitening(shrinkage=None),
    "whitening, to the letter": lambda: Whitening(shrinkage=0),
}
"""Name → function that makes an unfitted closer; variants of one kind are entries of their own."""
