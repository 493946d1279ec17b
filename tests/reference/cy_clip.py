"""Consistency within and across two modalities, pair by pair."""

from __future__ import annotations

from .losses import Rows, unit


def consistency(x: Rows, y: Rows, weights: Rows) -> tuple[float, float]:
    """Cross-modal and in-modal, of rows of the same items."""
    if not weights.sum():
        return 0.0, 0.0
    x, y = unit(x), unit(y)
    across = within = 0.0
    for i in range(len(x)):
        for j in range(len(x)):
            across += weights[i] * (x[i] @ y[j] - x[j] @ y[i]) ** 2
            within += weights[i] * (x[i] @ x[j] - y[i] @ y[j]) ** 2
    return across / weights.sum(), within / weights.sum()
