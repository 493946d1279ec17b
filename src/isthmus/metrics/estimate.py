"""A number that may have been taken from a part of the rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number, its standard error, and how many rows it was taken from.

    The error is 0 where all rows were taken.
    """

    value: float
    error: float
    rows: int
