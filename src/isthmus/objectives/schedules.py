"""Numbers that change over a run: weights and temperatures as functions of its progress."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Schedule: TypeAlias = Callable[[float], float]
"""From the progress of a run, 0 at its start and 1 at its end, to a number."""


@dataclass(frozen=True)
class Piecewise:
    """Straight lines through points (progress, value), constant beyond the first and the last.

    >>> fading = Piecewise((0.2, 1.0), (0.7, 0.0))
    >>> [fading(progress) for progress in (0.0, 0.2, 0.7, 1.0)]
    [1.0, 1.0, 0.0, 0.0]
    """

    points: tuple[tuple[float, float], ...]

    def __init__(self, *points: tuple[float, float]) -> None:
        places = [place for place, _ in points]
        if not points or places != sorted(places) or places[0] < 0 or places[-1] > 1:
            raise ValueError(f"points must rise in progress from 0 to 1; found {points}")
        object.__setattr__(self, "points", points)

    def __call__(self, progress: float) -> float:
        """The value at a progress."""
        after = bisect_right([place for place, _ in self.points], progress)
        if after in (0, len(self.points)):
            return self.points[min(after, len(self.points) - 1)][1]
        (x0, y0), (x1, y1) = self.points[after - 1 : after + 1]
        return y0 + (y1 - y0) * (progress - x0) / (x1 - x0)


@dataclass(frozen=True)
class Cosine:
    """A cosine wave between two numbers, starting at the second.

    The temperature schedule of Kukleva et al., *Temperature Schedules for Self-Supervised
    Contrastive Methods on Long-Tail Data* (ICLR 2023).

    >>> wave = Cosine(0.1, 1.0, periods=2)
    >>> [round(wave(progress), 2) for progress in (0.0, 0.25, 0.5)]
    [1.0, 0.1, 1.0]
    """

    low: float
    high: float
    periods: float = 1.0

    def __call__(self, progress: float) -> float:
        """The value at a progress."""
        wave = (1 + math.cos(2 * math.pi * self.periods * progress)) / 2
        return self.low + (self.high - self.low) * wave


def value_at(value: float | Schedule, progress: float) -> float:
    """A number, or what a schedule says at a progress."""
    return value(progress) if callable(value) else value
