"""Tables of the dimensions that hold the gap, and of what is left without them."""

from __future__ import annotations

from ..metrics.measurement import Measurement
from .cells import pair_name
from .detail import Detail

SHOWN = (0, 1, 2, 5, 10, 20)
"""Numbers of removed dimensions that have a row; the figure has them all."""


def largest_means_table(measurement: Measurement) -> Detail:
    """The dimension of largest mean of each modality, and how well these two separate."""
    rows = [
        [
            pair_name(pair),
            *(str(dimension) for dimension in pair.largest_means.dimensions),
            f"{pair.largest_means.separation:.3f}",
        ]
        for pair in measurement.pairs
        if pair.largest_means is not None
    ]
    headings = ("modalities", "largest mean: first", "second", "separability by these")
    legend = (
        "The dimension, counted from 0, in which each modality's mean is largest, and the AUC of "
        "the best line between modalities on these two alone (0.5 none, 1 perfect)."
    )
    return Detail("Do two dimensions tell the modalities apart?", headings, rows, legend)


def ablation_table(measurement: Measurement) -> Detail:
    """Gap and R@1 without the dimensions that differ most."""
    rows = [
        [
            pair_name(pair),
            str(found.counts[k]),
            f"{found.l2m[k]:.3f}",
            f"{found.rmg[k]:.3f}",
            f"{found.pair_cosine[k]:.3f}",
            f"{found.recall_x_to_y[k]:.3f}",
            f"{found.recall_y_to_x[k]:.3f}",
        ]
        for pair in measurement.pairs
        if (found := pair.ablation) is not None
        for k in range(len(found.counts))
        if found.counts[k] in SHOWN
    ]
    headings = (
        *("modalities", "removed", "gap (L2M)", "RMG", "pair cosine"),
        *("R@1: first→second", "second→first"),
    )
    legend = (
        "The dimensions whose means differ most are taken out one by one, and rows scaled to unit "
        "length again. On 2,000 groups at most, unless exact; fewer candidates make R@1 higher."
    )
    return Detail("What is left without the dimensions that differ most?", headings, rows, legend)
