"""What would closing the gap bring? Centering, fitted on one half and measured on the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..closers import Centering
from ..embeddings import Embeddings
from ..metrics.measure import measure_costs
from ..metrics.measurement import Measurement
from ..progress import steps
from ..resampling import group_count, redraw

PREVIEW_HEADING = (
    "What would closing the gap bring? Centering, fitted on half of the groups and measured on "
    "the other half:"
)

GROUPS = 10_000
"""Groups that a preview looks at, at most."""


@dataclass(frozen=True)
class Preview:
    """The same half of the groups, open and closed: the gap and what it costs."""

    before: Measurement
    after: Measurement


def preview(embeddings: Embeddings, *, seed: int = 0) -> Preview | None:
    """Measure a random half of the groups before and after centering fitted on the other.

    None where a half would have too few rows of some modality. Of more than `GROUPS` groups, so
    many are drawn.
    """
    order = np.random.default_rng(seed).permutation(group_count(embeddings))[:GROUPS]
    halves = [np.sort(part) for part in np.array_split(order, 2)]
    for name in embeddings.names:
        codes = embeddings.codes[name]
        if min(np.isin(codes, half).sum() for half in halves) < 10:
            return None
    calibration, held_out = (redraw(embeddings, half) for half in halves)
    closed = Centering().fit(calibration).close(held_out)
    with steps({"as it is": 1, "centered": 1}) as step:
        with step("as it is"):
            before = measure_costs(held_out, seed=seed)
        with step("centered"):
            after = measure_costs(closed, seed=seed)
    return Preview(before, after)
