"""What the demonstration shows, in sentences that follow from its numbers."""

from __future__ import annotations

from ..metrics.measurement import Measurement
from ..report.findings import EQUAL, change, rate_change


def demo_findings(
    learnable: Measurement, fixed: Measurement, closing: Measurement, closed: Measurement
) -> list[str]:
    """The story of the demonstration, told from its four measurements."""
    return [
        _temperature_finding(learnable, fixed),
        _objective_finding(learnable, closing),
        _closer_finding(learnable, closed),
        _lesson(learnable, fixed, closing, closed),
    ]


def _temperature_finding(learnable: Measurement, fixed: Measurement) -> str:
    low, high = learnable.pairs[0].l2m, fixed.pairs[0].l2m
    if low > 1.2 * high:
        return (
            f"A learnable temperature that runs low leaves a gap of {low:.2f}; the same model at "
            f"a fixed temperature of 0.1 ends at {high:.2f}."
        )
    return (
        f"In this run the learnable temperature did not open the gap: {low:.2f}, against "
        f"{high:.2f} at a fixed temperature of 0.1."
    )


def _objective_finding(learnable: Measurement, closing: Measurement) -> str:
    old, new = learnable.pairs[0], closing.pairs[0]
    old_v, new_v = _v(learnable, closing)
    return (
        f"Trained with the gap-closing objective instead of CLIP's at a learnable temperature, "
        f"the gap {change(old.l2m, new.l2m, equal=0.01)} ({old.l2m:.2f} to {new.l2m:.2f}), the "
        f"cosine of true pairs {rate_change(old.pair_cosine, new.pair_cosine)} "
        f"({old.pair_cosine:.2f} to {new.pair_cosine:.2f}) and the V-measure "
        f"{rate_change(old_v, new_v)} ({old_v:.2f} to {new_v:.2f})."
    )


def _closer_finding(learnable: Measurement, closed: Measurement) -> str:
    old, new = learnable.pairs[0].l2m, closed.pairs[0].l2m
    old_v, new_v = _v(learnable, closed)
    return (
        f"Centering, fitted on the training split without any further training: on held-out data "
        f"the gap {change(old, new, equal=0.01)} ({old:.2f} to {new:.2f}) and the V-measure "
        f"{rate_change(old_v, new_v)} ({old_v:.2f} to {new_v:.2f})."
    )


def _lesson(*all_measurements: Measurement) -> str:
    recalls = [m.pairs[0].mean_recall() for m in all_measurements]
    values = [m.clustering.v_measure for m in all_measurements if m.clustering is not None]
    spread_r, spread_v = max(recalls) - min(recalls), max(values) - min(values)
    if spread_v > 2 * spread_r and spread_v > EQUAL:
        return (
            f"Retrieval cannot see the gap, clustering can: R@1 (mean of both directions) differs "
            f"by {spread_r:.3f} between the four, the V-measure by {spread_v:.3f}."
        )
    return (
        f"In this run the gap did not set clustering apart from retrieval: the four differ by "
        f"{spread_v:.3f} in V-measure and by {spread_r:.3f} in R@1."
    )


def _v(*measurements: Measurement) -> tuple[float, float]:
    first, second = (m.clustering.v_measure if m.clustering else 0.0 for m in measurements)
    return first, second
