"""Two modalities against each other: the part of `measure` that is done for every pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from ..embeddings import Embeddings
from ..resampling import group_count, redraw
from .absent import or_none
from .budget import Budget
from .dimension_ablation import DimensionAblation, dimension_ablation
from .dimensions import dimension_separation
from .entropy import contrastive_loss, entropy_summary
from .gap_vector import gap_vector_from
from .intervals import gap_intervals
from .measurement import LargestMeans, PairMeasurement
from .ranking import QueryScores, Retrieval
from .sampled_uniformity import centroid_uniformity
from .second_moments import SecondMoments
from .separability import modality_auc
from .state import GapState
from .uncertainty import Interval, mean_interval

REMOVED = 20
"""Dimensions that the ablation removes, one by one, where there are more than twice as many."""


Step: TypeAlias = Callable[[str], AbstractContextManager[None]]
"""Says by its name what is being done, for whoever watches: of `isthmus.progress.steps`."""


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
    budget: Budget,
    seed: int,
    step: Step,
) -> PairMeasurement:
    """Everything about two modalities, from moments that are there and passes that are not."""
    a, b = pair
    x, y = embeddings[a], embeddings[b]
    codes = embeddings.codes[a], embeddings.codes[b]
    with step(f"intervals {a} – {b}"):
        gaps = gap_intervals(embeddings, pair, seed=seed)
    with step(f"separability {a} – {b}"):
        # Too few groups to hold any out: the space has no such number.
        separability = or_none(lambda: modality_auc(x, y, groups=codes, seed=seed))
    with step(f"centroids {a} – {b}"):
        centroids = or_none(  # rows of a pair may be opposite
            lambda: centroid_uniformity(embeddings, pair, sample=budget.sample, seed=seed)
        )
    with step(f"dimensions {a} – {b}"):
        largest = _largest_means(embeddings, pair, state)
        ablation = ablation_curve(embeddings, pair, max_groups=budget.ablated, seed=seed)
    found, recalls = measure_retrieval(
        embeddings, pair, max_queries=budget.queries, seed=seed, step=step
    )
    softmax: dict[str, Any] = {}
    if temperature is not None:
        with step(f"softmax {a} – {b}"):
            softmax = _softmax(embeddings, a, b, temperature)
    return replace(
        one_pass_pair(state, a, b),
        centroid_uniformity=centroids,
        separability=separability,
        vector=gap_vector_from(seconds[a], seconds[b]),
        largest_means=largest,
        ablation=ablation,
        retrieval=found,
        intervals={
            "l2m": gaps.l2m,
            "rmg": gaps.rmg,
            "pair_cosine": gaps.pair_cosine,
            **recalls,
        },
        **softmax,
    )


def measure_retrieval(
    embeddings: Embeddings,
    pair: tuple[str, str],
    *,
    max_queries: int | None,
    seed: int,
    step: Step,
) -> tuple[dict[str, Retrieval], dict[str, Interval]]:
    """Retrieval in both directions, and the intervals of R@1."""
    codes = embeddings.codes
    found: dict[str, Retrieval] = {}
    intervals: dict[str, Interval] = {}
    for a, b in (pair, pair[::-1]):
        with step(f"retrieval {a}→{b}"):
            scores = QueryScores.of(
                embeddings[a],
                embeddings[b],
                (codes[a], codes[b]),
                max_queries=max_queries,
                seed=seed,
            )
            found[f"{a}→{b}"] = scores.summary()
            intervals[f"recall@1 {a}→{b}"] = mean_interval(
                scores.hits(1), codes[a][scores.rows], seed=seed
            )
    return found, intervals


def ablation_curve(
    embeddings: Embeddings, pair: tuple[str, str], *, max_groups: int | None, seed: int
) -> DimensionAblation | None:
    """`dimension_ablation` of random groups.

    None in narrow spaces, where a row has nothing outside the dimensions that are removed, and
    where no group with rows of both modalities is drawn.
    """
    if embeddings.dimension <= 2 * REMOVED:
        return None
    order = np.random.default_rng(seed).permutation(group_count(embeddings))[:max_groups]
    part = or_none(lambda: redraw(embeddings.select(pair), np.sort(order)))
    if part is None:
        return None
    groups = part.codes[pair[0]], part.codes[pair[1]]
    return or_none(
        lambda: dimension_ablation(
            part[pair[0]], part[pair[1]], counts=range(REMOVED + 1), groups=groups
        )
    )


def _largest_means(embeddings: Embeddings, pair: tuple[str, str], state: GapState) -> LargestMeans:
    first, second = (int(state.moments[name].mean.argmax()) for name in pair)
    separation = dimension_separation(embeddings[pair[0]], embeddings[pair[1]], (first, second))
    return LargestMeans((first, second), separation)


def _softmax(embeddings: Embeddings, a: str, b: str, temperature: float) -> dict[str, Any]:
    x, y = embeddings[a], embeddings[b]
    groups = embeddings.codes[a], embeddings.codes[b]
    return {
        "entropy": {
            f"{a}→{b}": entropy_summary(x, y, temperature=temperature),
            f"{b}→{a}": entropy_summary(y, x, temperature=temperature),
        },
        "loss": contrastive_loss(x, y, temperature=temperature, groups=groups),
    }
