"""Reproduction of *Closing the Modality Gap Aligns Group-Wise Semantics* (ICLR 2026)."""

from ..artefact import Paper, Planned
from .ablation import Ablation
from .fig1 import FigureOne
from .fig4 import FigureFour
from .maps import FigureSix, FigureTwo
from .table1 import PAPER, TableOne
from .theory import Theory
from .worlds import AV_MNIST, CIFAR_10, COCO, EMOJI, MSR_VTT

CLOSING_GAP = Paper(
    PAPER,
    "Closing the Modality Gap Aligns Group-Wise Semantics (ICLR 2026)",
    [
        TableOne(AV_MNIST),
        TableOne(CIFAR_10),
        TableOne(EMOJI),
        TableOne(COCO),
        TableOne(MSR_VTT),
        FigureOne(),
        FigureTwo(),
        FigureFour(AV_MNIST),
        FigureFour(EMOJI),
        FigureSix(),
        Ablation(),
        Theory(),
        Planned(PAPER, "captioning", "Captions from embeddings of MS-COCO", "out of scope"),
    ],
)
"""Its artefacts."""

__all__ = ["CLOSING_GAP"]
