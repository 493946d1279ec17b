"""Tables and figures that are to come."""

from __future__ import annotations

from .artefact import Paper, Planned


def _planned(paper: str, **titles: str) -> list[Planned]:
    return [Planned(paper, name.replace("_", "-"), title) for name, title in titles.items()]


TWO_EFFECTS = Paper(
    "two-effects",
    "Two Effects, One Trigger (ICLR 2025)",
    _planned(
        "two-effects",
        fig3="Gap against performance of published models",
        table1="Rank correlation of performance with gap, size and data",
        fig4="Dimensions that carry the gap, their separation and removal",
        table2="Order of classes in either modality",
        table3="Gap against performance for one training set",
        table4="Gap of models trained on filtered data",
        table5="Ideal words and mean gap vectors",
        fig5="Object bias against attribute accuracy",
        fig6a="Frequency of object and attribute words",
        fig6b="Bias towards the factor that captions always name",
        fig7a="Gap, bias and accuracy against the facts in a caption",
        fig7b="Gap over training from its initial value",
        fig7c="Full, half and quarter captions",
        fig8="Entropy and temperature when captions get poorer",
        fig15="Captions that lose sentences",
        dci="Fine-tuning on dense captions",
    ),
)
