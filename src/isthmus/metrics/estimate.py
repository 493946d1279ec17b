"""A number that may have been taken from a part of the rows."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number, its standard error, and how many rows it was taken from.

    The error is 0 where all rows were taken.
    """

    value: float
    error: float
    rows: int

    @classmethod
    def of_share(cls, share: float, sampled: int, rows: int) -> Estimate:
        """A share p of n rows, sampled without replacement from N: √(p(1−p)/n · (1 − n/N)).

        >>> Estimate.of_share(0.5, 25, 25), Estimate.of_share(0.5, 25, 10**9).error
        (Estimate(value=0.5, error=0.0, rows=25), 0.0999...)
        """
        return cls(share, math.sqrt(share * (1 - share) / sampled * (1 - sampled / rows)), sampled)
