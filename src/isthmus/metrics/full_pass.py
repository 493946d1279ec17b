"""First and second moments of every modality, and its matched pairs, from one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from array_api_compat import array_namespace

from ..arrays import Array, working_dtype
from ..embeddings import Embeddings
from .one_pass import of_each, visit_positional
from .pair_moments import PairMoments
from .second_moments import SecondMoments, chunk_moments
from .state import GapState, matched_pair_moments, same_rows


def state_and_seconds(embeddings: Embeddings) -> tuple[GapState, dict[str, SecondMoments]]:
    """`GapState.of` and each modality's `SecondMoments.of`, rows read no more than for one.

    >>> state, seconds = state_and_seconds(Embeddings({"a": np.eye(3), "b": np.eye(3)}))
    >>> state.moments["a"].total.tolist() == seconds["a"].total.tolist()
    True
    """
    names = embeddings.names
    if same_rows(embeddings):
        found, matched = _positional(list(embeddings.arrays.values()))
        seconds = dict(zip(names, found, strict=True))
        pairs = {(names[a], names[b]): moments for (a, b), moments in matched.items()}
    else:
        seconds = of_each(embeddings.arrays, SecondMoments.of)
        pairs = matched_pair_moments(embeddings)
    return GapState({name: own.moments for name, own in seconds.items()}, pairs), seconds


def _positional(
    arrays: Sequence[Array],
) -> tuple[list[SecondMoments], dict[tuple[int, int], PairMoments]]:
    """Of equally many (N, D) rows of each array, row i matching row i."""
    n, width = arrays[0].shape
    totals = [np.zeros(width) for _ in arrays]
    products = [np.zeros((width, width)) for _ in arrays]

    def add(units: Sequence[Array]) -> None:
        for total, product, unit in zip(totals, products, units, strict=True):
            added = chunk_moments(unit)
            total += added[0]
            product += added[1]

    pairs = visit_positional(arrays, add)
    roundings = [float(array_namespace(x).finfo(working_dtype(x)).eps) for x in arrays]
    found = zip(totals, products, roundings, strict=True)
    return [SecondMoments(n, t, (p + p.T) / 2, rounding) for t, p, rounding in found], pairs
