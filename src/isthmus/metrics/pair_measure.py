"""Two modalities against each other: the part of `measure` that is done for every pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..embeddings import Embeddings
from ..errors import InputError
from .entropy import contrastive_loss, entropy_summary
from .gap_vector import gap_vector_from
from .intervals import gap_intervals
from .measurement import PairMeasurement
from .ranking import QueryScores, Retrieval
from .second_moments import SecondMoments
from .separability import modality_auc
from .state import GapState
from .uncertainty import Interval, mean_interval


def one_pass_pair(state: GapState, a: str, b: str) -> PairMeasurement:
    """What the moments of two modalities and of their matches say."""
    matched = state.pairs[a, b]
    return PairMeasurement(
        modalities=(a, b),
        matched_pairs=matched.count,
        l2m=state.l2m(a, b),
        rmg=state.rmg(a, b),
        l2i=matched.mean_distance,
        pair_cosine=matched.mean_cosine,
        alignment=matched.mean_squared_distance,
    )


def measure_pair(
    embeddings: Embeddings,
    pair: tuple[str, str],
    state: GapState,
    seconds: Mapping[str, SecondMoments],
    *,
    temperature: float | None,
    max_queries: int | None,
    seed: int,
) -> PairMeasurement:
    """Everything about two modalities, from moments that are there and passes that are not."""
    a, b = pair
    codes = embeddings.codes
    found: dict[str, Retrieval] = {}
    gaps = gap_intervals(embeddings, pair, seed=seed)
    intervals: dict[str, Interval] = {
        "l2m": gaps.l2m,
        "rmg": gaps.rmg,
        "pair_cosine": gaps.pair_cosine,
    }
    for x, y in ((a, b), (b, a)):
        way = f"{x}→{y}"
        scores = QueryScores.of(
            embeddings[x],
            embeddings[y],
            (codes[x], codes[y]),
            max_queries=max_queries,
            seed=seed,
        )
        found[way] = scores.summary()
        intervals[f"recall@1 {way}"] = mean_interval(
            scores.hits(1), codes[x][scores.rows], seed=seed
        )
    return replace(
        one_pass_pair(state, a, b),
        separability=_separability(embeddings, a, b, seed),
        vector=gap_vector_from(seconds[a], seconds[b]),
        retrieval=found,
        intervals=intervals,
        **_softmax(embeddings, a, b, temperature),
    )


def _separability(embeddings: Embeddings, a: str, b: str, seed: int) -> float | None:
    codes = embeddings.codes[a], embeddings.codes[b]
    try:
        return modality_auc(embeddings[a], embeddings[b], groups=codes, seed=seed)
    except InputError:  # too few groups to hold any out: the space has no such number
        return None


def _softmax(embeddings: Embeddings, a: str, b: str, temperature: float | None) -> dict[str, Any]:
    if temperature is None:
        return {}
    x, y = embeddings[a], embeddings[b]
    groups = embeddings.codes[a], embeddings.codes[b]
    return {
        "entropy": {
            f"{a}→{b}": entropy_summary(x, y, temperature=temperature),
            f"{b}→{a}": entropy_summary(y, x, temperature=temperature),
        },
        "loss": contrastive_loss(x, y, temperature=temperature, groups=groups),
    }
