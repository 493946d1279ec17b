"""The three scores of a pair, and those of all pairs of a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .background import Background, Floats, Level
from .sample import PairType, Sample

COSINE, QUERY, MUTUAL = "cosine", "query", "mutual"

SCORES = (COSINE, QUERY, MUTUAL)
"""The cosine; its z-score against the query's background; the mean of that and the candidate's."""


Key = tuple[str, str, str]
"""Modality of the query, modality of the candidate, score."""


class BlockScores(NamedTuple):
    """Scores of all pairs of rows of two blocks."""

    first: int
    second: int
    matches: Floats
    others: Floats


def combine(score: str, cosines: Floats, query: Level, candidate: Level) -> Floats:
    """The named score of all pairs, (n, m), from cosines and the levels of rows and columns."""
    if score == COSINE:
        return cosines
    z = (cosines - query.mean[:, None]) / query.scale[:, None]
    if score == QUERY:
        return np.asarray(z)
    return np.asarray((z + (cosines - candidate.mean) / candidate.scale) / 2)


def check_score(score: str) -> str:
    """The name, if there is such a score."""
    if score not in SCORES:
        raise InputError(f"no score '{score}'; there are {', '.join(SCORES)}")
    return score


def block_scores(
    sample: Sample,
    background: Background,
    places: Mapping[str, NDArray[np.int64]],
    kind: PairType,
) -> Iterator[dict[Key, BlockScores]]:
    """All scores of all pairs of rows of a type, two blocks at a time.

    `query` is there both ways where those differ. Rows of the two blocks are left out of the
    background, so that no row is compared with itself or with a match. Within one modality,
    each pair of rows comes once.
    """
    first, second = kind
    within = first == second
    names = {first, second}
    of = [
        {name: np.flatnonzero(sample.blocks[name] == block) for name in names}
        for block in range(sample.count)
    ]
    backed = {name: sample.blocks[name][places[name]] for name in names}
    known = {  # cosines of all rows with the whole background
        (own, other): sample.rows[own] @ background.rows[other].T
        for own, other in {kind, kind[::-1]}
    }
    for f in range(sample.count):
        for g in range(f if within else 0, sample.count):
            i, j = of[f][first], of[g][second]
            if not len(i) or not len(j):
                continue
            clean = {name: (own != f) & (own != g) for name, own in backed.items()}
            cosines = sample.rows[first][i] @ sample.rows[second][j].T
            levels = [
                background.level_of(known[own, other][rows][:, clean[other]], (own, other))
                for own, other, rows in ((first, second, i), (second, first, j))
            ]
            scores = {
                (first, second, COSINE): cosines,
                (first, second, QUERY): combine(QUERY, cosines, *levels),
                (first, second, MUTUAL): combine(MUTUAL, cosines, *levels),
            }
            if not within:
                scores[second, first, QUERY] = combine(QUERY, cosines.T, *levels[::-1]).T
            same = sample.codes[first][i][:, None] == sample.codes[second][j]
            different = ~same
            if within and f == g:
                upper = np.triu(np.ones_like(same), 1)
                same, different = same & upper, different & upper
            yield {key: BlockScores(f, g, own[same], own[different]) for key, own in scores.items()}
