"""Mixed-modality search by scoring every row against a list of every other row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import ranking
from .gap import Rows, unit
from .recall import TIE


def mixed_search(
    arrays: Mapping[str, ArrayLike], groups: Mapping[str, ArrayLike], k: int
) -> dict[str, tuple[float, float, dict[str, float]]]:
    """Modality → R@k, nDCG@k with ties at their mean rank, and each modality's share of k."""
    rows = {name: unit(x) for name, x in arrays.items()}
    corpus = [
        (name, group, row)
        for name in rows
        for group, row in zip(np.asarray(groups[name]).tolist(), rows[name], strict=True)
    ]
    return {
        name: _queries([place for place, item in enumerate(corpus) if item[0] == name], corpus, k)
        for name in rows
    }


def _queries(
    places: list[int], corpus: list[tuple[str, Any, Rows]], k: int
) -> tuple[float, float, dict[str, float]]:
    scores: list[list[float]] = []
    relevant: list[list[bool]] = []
    names: list[list[str]] = []
    for place in places:
        name, group, row = corpus[place]
        rest = corpus[:place] + corpus[place + 1 :]
        flags = [other != name and own == group for other, own, _ in rest]
        if any(flags):
            scores.append([float(row @ other) for _, _, other in rest])
            relevant.append(flags)
            names.append([other for other, _, _ in rest])
    ranks = ranking.mean_ranks(*ranking.ranks_of_scores(scores, relevant))
    taken = dict.fromkeys(sorted({item[0] for item in corpus}), 0.0)
    for row, owners in zip(scores, names, strict=True):
        last = sorted(row, reverse=True)[k - 1]
        above = [owner for s, owner in zip(row, owners, strict=True) if s > last + TIE]
        level = [owner for s, owner in zip(row, owners, strict=True) if abs(s - last) <= TIE]
        for owner in taken:
            chance = (k - len(above)) / len(level)
            taken[owner] += (above.count(owner) + chance * level.count(owner)) / k / len(scores)
    return ranking.recall(ranks, k), ranking.ndcg(ranks, k), taken
