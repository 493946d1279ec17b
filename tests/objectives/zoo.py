"""Every objective, for the suites that run on all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from isthmus.objectives import (
    CMC,
    SLIP,
    AlignCLIP,
    AlignTruePairs,
    Batch,
    CentroidUniformity,
    CloseGap,
    CoMM,
    ContrastiveGap,
    CrossSelf,
    CrossUniformity,
    CyCLIP,
    FactorCL,
    GapTarget,
    GramVolume,
    InfoNCE,
    ModalityUniformity,
    Objective,
    SigLIP,
    SimCLR,
    SupCon,
    Supervised,
    Symile,
    Terms,
    TriangleArea,
)


@dataclass(frozen=True)
class Entry:
    """How to make an objective, and what it is like.

    Attributes
    ----------
    modalities:
        What it looks at: modality → number of views.
    plain_gradient:
        Whether its gradient is the derivative of its value in every argument: not where parts
        are held constant on purpose.
    turns:
        Whether a common rotation of all rows leaves it as it is.
    any_order:
        Whether the order of items does not matter: it does where rows of random places are mixed.
    """

    make: Callable[[], Objective]
    modalities: Mapping[str, int] = field(default_factory=lambda: {"image": 1, "text": 1})
    plain_gradient: bool = True
    turns: bool = True
    any_order: bool = True


class ByGroup(Supervised):
    """Learns in which place of the batch the group of an item is, as the suites give no targets."""

    def of(self, batch: Batch) -> Terms:
        return super().of(replace(batch, targets=batch.codes % self.outputs))


TRIPLE = {"image": 1, "text": 1, "audio": 1}

TWO_VIEWS = {"image": 2, "text": 2}

ZOO: dict[str, Entry] = {
    "InfoNCE, fixed": Entry(lambda: InfoNCE(temperature=0.1)),
    "InfoNCE, learnable": Entry(lambda: InfoNCE(temperature=0.1, learnable=True), TRIPLE),
    "InfoNCE, anchored": Entry(lambda: InfoNCE(temperature=0.1, anchor="text"), TRIPLE),
    "InfoNCE, label smoothing": Entry(lambda: InfoNCE(temperature=0.1, smoothing=0.1)),
    "CloseGap": Entry(lambda: CloseGap(temperature=0.1)),
    "CloseGap, anchored": Entry(
        lambda: CloseGap(temperature=0.1, learnable=True, anchor="text"), TRIPLE
    ),
    "CloseGap, to the centroid": Entry(lambda: CloseGap(temperature=0.1, to_centroid=True), TRIPLE),
    "align true pairs": Entry(AlignTruePairs, TRIPLE),
    "centroid uniformity": Entry(lambda: CentroidUniformity(renormalise=False), TRIPLE),
    "SigLIP": Entry(lambda: SigLIP(temperature=0.2, bias=-2.0)),
    "SigLIP, anchored": Entry(lambda: SigLIP(anchor="text", learnable=False), TRIPLE),
    "SimCLR": Entry(lambda: SimCLR(temperature=0.2, learnable=True), TWO_VIEWS),
    "SimCLR, of one modality": Entry(SimCLR, {"image": 2}),
    "CMC": Entry(lambda: CMC(temperature=0.2, learnable=True), TRIPLE),
    "CMC, anchored": Entry(lambda: CMC(temperature=0.2, anchor="text"), TRIPLE),
    "CrossSelf": Entry(lambda: CrossSelf(temperature=0.2, learnable=True, weight=0.5), TWO_VIEWS),
    "SLIP": Entry(lambda: SLIP(learnable=True, weight=0.5), {"image": 3, "text": 1}),
    "SupCon": Entry(lambda: SupCon(temperature=0.2, learnable=True), TRIPLE),
    "SupCon, several views": Entry(SupCon, {"image": 3, "text": 1}),
    "Supervised": Entry(
        lambda: ByGroup(outputs=3, width=6), {"image": 2, "text": 1}, turns=False, any_order=False
    ),
    "CoMM, released": Entry(
        lambda: CoMM(temperature=0.2, learnable=True, weights={"text": 2.0}),
        {"image": 2, "fused": 2, "text": 2},
    ),
    "CoMM, paper": Entry(lambda: CoMM(form="paper"), {"image": 1, "text": 1, "fused": 2}),
    "CyCLIP": Entry(lambda: CyCLIP(temperature=0.2, learnable=True), TRIPLE),
    "Symile": Entry(
        lambda: Symile(temperature=0.2, learnable=True), TRIPLE, turns=False, any_order=False
    ),
    "Symile of two": Entry(lambda: Symile(temperature=0.2)),
    "Gram volume": Entry(
        lambda: GramVolume(temperature=0.2, learnable=True, anchor="text"), TRIPLE
    ),
    "Gram volume of four": Entry(lambda: GramVolume(temperature=0.2), {**TRIPLE, "depth": 1}),
    "Gram volume of two": Entry(lambda: GramVolume(temperature=0.2)),
    "triangle area": Entry(lambda: TriangleArea(temperature=0.2, learnable=True), TRIPLE),
    "triangle area, squared": Entry(lambda: TriangleArea(anchor="audio", squared=True), TRIPLE),
    "contrastive gap": Entry(lambda: ContrastiveGap(temperature=0.2, learnable=True), TRIPLE),
    "cross uniformity": Entry(lambda: CrossUniformity(anchor="text"), TRIPLE),
    "modality uniformity": Entry(ModalityUniformity, TRIPLE),
    "AlignCLIP": Entry(lambda: AlignCLIP(temperature=0.2, learnable=True), TRIPLE),
    "AlignCLIP, by meaning": Entry(
        lambda: AlignCLIP(semantics="audio", modalities=list(TRIPLE), temperature=0.2),
        TRIPLE,
        plain_gradient=False,
    ),
    "gap target": Entry(lambda: GapTarget(target=0.5), TRIPLE),
    "FactorCL": Entry(
        lambda: FactorCL(("image", "text"), width=6, temperature=0.5, learnable=True),
        TWO_VIEWS,
        plain_gradient=False,
        turns=False,
    ),
}
