"""Loss ablation: each part of the gap-closing loss alone and together, constant and scheduled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...report.figures import MODALITY_COLOURS, pick
from ...report.page import Card, Section
from ...report.sphere import SHAPES
from ..artefact import Artefact, Outcome
from ..cell import Cell
from ..claims import Claim, Found
from ..setting import Needs, Setting
from ..trained import Trained
from ..values import Values
from .columns import TEXT, meanings, recall_column
from .methods import CLOSING as SCHEDULED
from .methods import CONSTANT, FADING, FIXED, LEARNABLE, METHODS, RISING
from .table1 import PAPER, values_of
from .worlds import AV_MNIST

ALIGN, CENTROIDS, BOTH = "align", "centroid uniformity", "align + centroid uniformity"
CONTRAST_ALIGN, CONTRAST_CENTROIDS = "contrast + align", "contrast + centroid uniformity"
CLOSING = "contrast + align + centroid uniformity"

CONTRAST = METHODS[FIXED]
TERMS: Mapping[str, Any] = {
    "contrast": CONTRAST,
    "align": {"class": "AlignTruePairs", "anchor": TEXT},
    "centroids": "CentroidUniformity",
    "each": "ModalityUniformity",
}


TO_TEXT = [recall_column(name, TEXT) for name in AV_MNIST.modalities[1:]]


def _sum(*terms: str, **weights: Any) -> dict[str, Any]:
    objectives = {term: TERMS[term] for term in terms}
    return {"class": "WeightedSum", "objectives": objectives, "weights": weights}


def _after(share: float) -> dict[str, Any]:
    """Nothing for the first part of the run, then 1."""
    return {"class": "Piecewise", "points": [[share, 0.0], [share, 1.0]]}


def _warmed(uniformity: str, share: float = 0.01) -> dict[str, Any]:
    """Uniformity alone for one of a hundred epochs, then all terms."""
    return _sum("contrast", "align", uniformity, contrast=_after(share), align=_after(share))


VARIANTS: dict[str, dict[str, Any]] = {
    ALIGN: _sum("align"),
    CENTROIDS: _sum("centroids"),
    BOTH: _sum("align", "centroids"),
    LEARNABLE: METHODS[LEARNABLE],
    FIXED: CONTRAST,
    CONTRAST_ALIGN: _sum("contrast", "align"),
    CONTRAST_CENTROIDS: _sum("contrast", "centroids"),
    "contrast + align + uniformity of each": _sum("contrast", "align", "each"),
    CLOSING: METHODS[CONSTANT],
    "… each, after uniformity alone": _warmed("each"),
    "… centroids, after uniformity alone": _warmed("centroids"),
    "… each, fading": _sum("contrast", "align", "each", each=FADING),
    "… centroids, fading": _sum("contrast", "align", "centroids", centroids=FADING),
    "… each, fading, align rising": _sum("contrast", "align", "each", each=FADING, align=RISING),
    "… centroids, fading, align rising": METHODS[SCHEDULED],
}
"""The three parts without contrast; the ten variants of the precursor's code; contrast with one."""


def _judge(values: Values) -> Found:
    judged = (ALIGN, FIXED, CONTRAST_ALIGN, CONTRAST_CENTROIDS, CLOSING)
    cosine = {row: values.mean(row, "cos") for row in judged}
    alone = max(values.mean(ALIGN, column) for column in TO_TEXT)
    gap, recall = values.mean(CLOSING, "gap"), _to_text(values, CLOSING)
    return Found(
        cosine[ALIGN] > 0.99
        and alone <= 20
        and cosine[CONTRAST_ALIGN]
        >= max(cosine[FIXED], cosine[CONTRAST_CENTROIDS], cosine[CLOSING])
        and cosine[CONTRAST_CENTROIDS] < cosine[CLOSING]
        and gap <= 0.2
        and recall >= _to_text(values, FIXED) - 5,
        f"align alone: cosine {cosine[ALIGN]:.3f}, best R@1 {alone:.1f}; cosine with contrast "
        f"{cosine[FIXED]:.2f}, + align {cosine[CONTRAST_ALIGN]:.2f}, + uniformity "
        f"{cosine[CONTRAST_CENTROIDS]:.2f}, + both {cosine[CLOSING]:.2f} with a gap "
        f"of {gap:.2f} and R@1 {recall:.1f}",
    )


def _to_text(values: Values, row: str) -> float:
    """R@1 towards the text, mean over modalities."""
    return sum(values.mean(row, column) for column in TO_TEXT) / len(TO_TEXT)


COLLAPSE = Claim(
    "P3-E4",
    "alignment alone collapses; uniformity alone leaves pairs apart; all three close the gap "
    "without collapse",
    "align alone: cosine above 0.99 and R@1 at most 20 (chance 10); with contrast, align has the "
    "highest cosine and uniformity one below all three; all three: gap at most 0.2, mean R@1 "
    "towards the text within 5 points of contrast alone",
    _judge,
)


class Ablation(Artefact):
    """The parts of the gap-closing loss on AV-MNIST."""

    paper = PAPER
    name = "ablation"
    title = "Loss ablation on AV-MNIST: parts, schedules, the ten variants of the precursor's code"
    needs = Needs(AV_MNIST.needs.data, {"quick": 0.4, "cpu": 17, "paper": 180})
    columns = meanings(AV_MNIST.modalities)
    claims = (COLLAPSE,)

    def cells(self, setting: Setting) -> Sequence[Cell]:
        """Every variant at every seed."""
        return [
            AV_MNIST.cell(setting, row, objective, seed)
            for row, objective in VARIANTS.items()
            for seed in setting.each_seed
        ]

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        """The columns of the main table."""
        values = sum((values_of(found) for found in trained), Values())
        return Outcome(
            values,
            [Section("Figure", "", [_card(values)])],
            notes=[
                trained[0].about["data"],
                "Contrast at a fixed temperature of 0.1. Fading: the weight of uniformity is 1 for "
                "a fifth of the run and falls to 0 at seven tenths; rising: that of alignment "
                "rises from 1 to 2 in the second half. After uniformity alone: the first hundredth "
                "of the run has no other term. Uniformity of each is the mean over modalities.",
                "Captioning from the embeddings is out of scope.",
            ],
        )


def _card(values: Values) -> Card:
    import plotly.graph_objects as go

    rows = [row for row in VARIANTS if len(values.of(row, "gap"))]
    figure = go.Figure()
    for k, row in enumerate(rows):
        figure.add_scatter(
            x=values.of(row, "gap").round(4).tolist(),
            y=values.of(row, "V").round(2).tolist(),
            mode="markers",
            marker={
                "size": 9,
                "color": pick(MODALITY_COLOURS, k),
                "symbol": pick(SHAPES, k // len(MODALITY_COLOURS)),
            },
            name=row,
        )
    figure.update_layout(
        xaxis={"title": "gap", "rangemode": "tozero"}, yaxis={"title": "V-measure, × 100"}
    )
    return Card("Gap and clusters", "A point for each variant and seed.", figure)
