"""Tables of bias: objects against attributes, and against what captions name."""

from __future__ import annotations

from ..metrics.measurement import Measurement
from .detail import Detail


def bias_table(measurement: Measurement) -> Detail:
    """Objects against attributes."""
    rows = [
        [
            name,
            f"{found.moad:.3f}",
            f"{found.object_delta:.3f}",
            f"{found.attribute_delta:.3f}",
        ]
        for name, found in measurement.moad.items()
    ]
    headings = ("modality", "MOAD", "difference by label", "by attribute")
    legend = (
        "How much more alike rows are that share a label, or an attribute, than rows that do "
        "not. MOAD, the difference of the two, is positive where objects rule the space."
    )
    return Detail("Objects or attributes?", headings, rows, legend)


def presence_table(measurement: Measurement) -> Detail:
    """The bias towards each factor beside how often captions name it."""
    rows = [
        [
            name,
            factor,
            f"{delta:.3f}",
            f"{found.rates[factor]:.0%}",
            "–" if found.kendall is None else f"{found.kendall:.2f}",
        ]
        for name, found in measurement.presence.items()
        for factor, delta in found.deltas.items()
    ]
    headings = ("modality", "factor", "difference by it", "captions name it", "Kendall's τ")
    legend = (
        "How much more alike rows are that share the factor, and the share of items whose caption "
        "names it. Kendall's τ: 1 where the factors that captions name more often rule the space "
        "more, over all factors of the modality."
    )
    return Detail("Do captions explain the bias?", headings, rows, legend)
