"""Stand-in data for the tables of real data, at the scale quick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.known_information import KnownInformation as Rows
from ...training.sets.known_information import KnownInformation
from ...training.splits import Kind


class StandIn(KnownInformation):
    """A small world of known information, whose shared symbol is to be told.

    Parameters
    ----------
    modalities:
        x1, x2 and as many more as there are.
    kind:
        What probes read: the class, or a column for each class, 0 or 1 as labels or as numbers.
    views, rows, held_out, labelled:
        As of `KnownInformation`.
    """

    def __init__(
        self,
        *,
        modalities: Sequence[str] = ("x1", "x2"),
        kind: Kind = "classes",
        views: int | Mapping[str, int] = 1,
        rows: int = 256,
        held_out: int = 100,
        labelled: bool = False,
    ) -> None:
        self.kind = kind
        super().__init__(
            shared=2,
            unique=(2,) * len(modalities),
            rows=rows,
            probe=rows,
            held_out=held_out,
            dimension=12,
            nuisance=4,
            views=views,
            labelled=labelled,
        )

    def told(self, rows: Rows) -> NDArray[Any]:
        """The class, or a column for each."""
        classes = super().told(rows)
        if self.kind == "classes":
            return classes
        columns = np.eye(2, dtype=np.int64 if self.kind == "labels" else np.float64)
        seen: NDArray[Any] = columns[classes]
        return seen
