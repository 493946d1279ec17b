"""Numbers as cells of a table."""

from __future__ import annotations

from ..metrics.estimate import Estimate
from ..metrics.measurement import PairMeasurement


def pair_name(pair: PairMeasurement) -> str:
    """Both modalities of a pair."""
    return " – ".join(pair.modalities)


def with_interval(pair: PairMeasurement, name: str, value: float) -> str:
    """The value with its interval, where it has one."""
    interval = pair.intervals.get(name)
    return f"{value:.3f}" if interval is None else str(interval)


def estimate_text(estimate: Estimate, decimals: int) -> str:
    """The value with its standard error, where it was estimated."""
    text = f"{estimate.value:.{decimals}f}"
    return text + (f" ± {estimate.error:.{decimals}f}" if estimate.error else "")
