"""What the doctor says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Severity = Literal["error", "warning", "note"]

_SHOWN = 5  # rows named in a finding


@dataclass(frozen=True)
class Finding:
    """One thing found: how bad it is, where, what, and the remedy."""

    severity: Severity
    where: str
    problem: str
    remedy: str


def count(mask: NDArray[np.bool_]) -> str:
    """How many rows a mask marks, and the first of them."""
    return f"{mask.sum():,} of {len(mask):,} rows: {listed(np.flatnonzero(mask))}"


def listed(values: NDArray[np.int64]) -> str:
    """The first few values, in words."""
    shown = ", ".join(map(str, values[:_SHOWN]))
    return shown + (" …" if len(values) > _SHOWN else "")
