"""What probes read from one modality, and from two together, where classes have enough groups."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..arrays import take_rows
from ..embeddings import Embeddings
from ..matching import Codes
from ..progress import steps
from .absent import or_none
from .budget import draw_rows
from .probe import ProbeResult, linear_probe
from .redundancy import InformationEstimate, estimate_information

PER_CLASS = 20
"""Groups for each class that a probe needs on average: it trains, chooses and tests on them."""

PROBED_CLASSES = 100
"""Classes that a linear probe tells apart at most."""

BOOTSTRAP, FULL_BOOTSTRAP = 25, 100
"""Resamples for the errors of the information, on a budget and without one."""

INFORMED_CLASSES = 20
"""Classes at most for redundancy, uniqueness and synergy, whose cost grows with their cube."""


def measure_probes(
    embeddings: Embeddings, labels: Mapping[str, Codes], limit: int | None, seed: int
) -> tuple[dict[str, ProbeResult | None], dict[tuple[str, str], InformationEstimate | None]]:
    """`linear_probe` of every modality and `estimate_information` of every pair of them.

    Of `limit` rows, or matched pairs, at most; None with too many classes for their groups.
    """
    pairs = list(embeddings.pairs)
    costs = dict.fromkeys(labels, 1.0) | {f"{a} – {b}": 2.0 for a, b in pairs}
    probes, information = {}, {}
    with steps(costs) as step:
        for name in labels:
            with step(name):
                probes[name] = _probe(embeddings, labels, name, limit, seed)
        for a, b in pairs:
            with step(f"{a} – {b}"):
                information[a, b] = _information(embeddings, labels, a, b, limit, seed)
    return probes, information


def _probe(
    embeddings: Embeddings, labels: Mapping[str, Codes], name: str, limit: int | None, seed: int
) -> ProbeResult | None:
    """A linear probe of one modality; None with too many classes for its groups."""
    rows = draw_rows(len(labels[name]), limit, seed)
    own, groups = labels[name][rows], embeddings.codes[name][rows]
    if not _enough(own, groups, PROBED_CLASSES):
        return None
    x = take_rows(embeddings[name], rows)
    return or_none(lambda: linear_probe(x, own, groups, seed=seed))


def _information(
    embeddings: Embeddings,
    labels: Mapping[str, Codes],
    a: str,
    b: str,
    limit: int | None,
    seed: int,
) -> InformationEstimate | None:
    """Redundancy, uniqueness and synergy of matched pairs, one pair of each group."""
    groups, first, second = np.intersect1d(
        embeddings.codes[a], embeddings.codes[b], return_indices=True
    )
    agreed = np.flatnonzero(labels[a][first] == labels[b][second])
    chosen = agreed[draw_rows(len(agreed), limit, seed)]
    own = labels[a][first[chosen]]
    if not _enough(own, groups[chosen], INFORMED_CLASSES):
        return None
    x, y = take_rows(embeddings[a], first[chosen]), take_rows(embeddings[b], second[chosen])
    bootstrap = FULL_BOOTSTRAP if limit is None else BOOTSTRAP
    return or_none(lambda: estimate_information(x, y, own, bootstrap=bootstrap, seed=seed))


def _enough(labels: Codes, groups: Codes, most: int) -> bool:
    """Whether there are two classes or more, not too many, and groups enough for each."""
    classes = len(np.unique(labels))
    return 2 <= classes <= most and len(np.unique(groups)) >= PER_CLASS * classes
