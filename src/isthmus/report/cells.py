"""Numbers as cells of a table."""

from __future__ import annotations

from ..metrics.estimate import Estimate
from ..metrics.measurement import PairMeasurement


def pair_name(pair: PairMeasurement) -> str:
    """Both modalities of a pair."""
    return " – ".join(pair.modalities)


def optional(value: float | None, decimals: int = 3) -> str:
    """The value; a dash where there is no such number."""
    return "–" if value is None else f"{value:.{decimals}f}"


def with_interval(pair: PairMeasurement, name: str, value: float) -> str:
    """The value with its interval, where it has one."""
    interval = pair.intervals.get(name)
    return f"{value:.3f}" if interval is None else str(interval)


def estimate_text(estimate: Estimate | None, decimals: int) -> str:
    """The value with its standard error, where it was estimated; a dash where there is none."""
    if estimate is None:
        return "–"
    text = f"{estimate.value:.{decimals}f}"
    return text + (f" ± {estimate.error:.{decimals}f}" if estimate.error else "")
