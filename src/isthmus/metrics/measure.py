"""Every metric of an embedding space in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..arrays import Array, to_numpy, unit_rows
from ..embeddings import Embeddings
from ..errors import InputError
from .clustering import Clustering, joint_clustering
from .estimate import Estimate
from .gap_vector import gap_vector_from
from .intervals import gap_intervals
from .measurement import Measurement, ModalityMeasurement, PairMeasurement
from .mixed_search import MixedSearch, mixed_search
from .neighbours import knn_estimate
from .ranking import QueryScores, Retrieval
from .second_moments import SecondMoments
from .separability import modality_auc
from .spectrum import effective_rank_from
from .state import GapState
from .uncertainty import Interval, mean_interval
from .uniformity import gaussian_uniformity

SAMPLE = 4000
"""Rows of each modality that an all-pairs estimate is taken from, unless exact."""

QUERIES = 20_000
"""Queries of each direction of retrieval, unless exact."""

PLACES = 10
"""First places of the mixed search that count."""


def measure(
    embeddings: Embeddings,
    *,
    n_clusters: int | None = None,
    fast: bool = False,
    exact: bool = False,
    seed: int = 0,
) -> Measurement:
    """Measure the modality gap of an embedding space, and what it costs.

    For every pair of modalities: L2M, RMG, L2I and true-pair cosine; linear separability and
    the shape of the gap vector; retrieval in both directions (R@1, 5, 10, median rank, MRR,
    nDCG, mAP); 95 % intervals over groups. For every modality: mean angular value, effective
    rank, uniformity. For all together: mixed search, and where rows have labels joint k-means
    (V-measure) and kNN accuracy. The definitions are with the plain functions in
    `isthmus.metrics`.

    Parameters
    ----------
    embeddings:
        The space; a pair of modalities without any common group is left out.
    n_clusters:
        k of the joint k-means; the number of labels if not given.
    fast:
        Only what one pass over the rows gives: L2M, RMG, L2I, pair cosine, cones.
    exact:
        Everything over all rows. By default, what compares all rows with all others is
        estimated on a seeded sample beyond a budget, and says so: uniformity and kNN accuracy
        on 4,000 rows (with standard errors), mixed search with 2,000 queries of each modality,
        retrieval with 20,000 of each direction (with intervals). Candidates are always all
        rows; all other numbers are always exact.
    seed:
        Seed of k-means, folds, samples and intervals.

    Examples
    --------
    >>> space = Embeddings({"image": np.eye(4), "text": np.eye(4) + [0, 0, 0, 2]})
    >>> pair = measure(space).pairs[0]
    >>> round(pair.l2m, 2), pair.recall("text→image")
    (0.71, 0.25)
    """
    state = GapState.of(embeddings)
    if fast:
        return one_pass_measurement(state)
    seconds = {name: SecondMoments.of(x) for name, x in embeddings.arrays.items()}
    sample = None if exact else SAMPLE
    clustering, knn = _measure_groups(embeddings, n_clusters, sample, seed)
    return Measurement(
        dimension=embeddings.dimension,
        modalities=tuple(
            ModalityMeasurement(
                name,
                rows=seconds[name].count,
                mean_angular_value=state.moments[name].mean_cosine,
                effective_rank=effective_rank_from(seconds[name]),
                uniformity=gaussian_uniformity(x, sample=sample, seed=seed),
            )
            for name, x in embeddings.arrays.items()
        ),
        pairs=tuple(
            _measure_pair(embeddings, a, b, state, seconds, exact, seed) for a, b in state.pairs
        ),
        clustering=clustering,
        knn_accuracy=knn,
        mixed_search=_measure_mixed(embeddings, None if exact else SAMPLE // 2, seed),
    )


def one_pass_measurement(state: GapState) -> Measurement:
    """What the moments alone say: of one pass over a space, or of merged shards."""
    return Measurement(
        dimension=len(next(iter(state.moments.values())).total),
        modalities=tuple(
            ModalityMeasurement(name, m.count, m.mean_cosine) for name, m in state.moments.items()
        ),
        pairs=tuple(_one_pass_pair(state, a, b) for a, b in state.pairs),
    )


def stacked_unit_rows(embeddings: Embeddings) -> Array:
    """The unit rows of all modalities, (Σ N_m, D), in their order, on the host."""
    return np.concatenate([to_numpy(unit_rows(x)) for x in embeddings.arrays.values()])


def _one_pass_pair(state: GapState, a: str, b: str) -> PairMeasurement:
    matched = state.pairs[a, b]
    return PairMeasurement(
        modalities=(a, b),
        matched_pairs=matched.count,
        l2m=state.l2m(a, b),
        rmg=state.rmg(a, b),
        l2i=matched.mean_distance,
        pair_cosine=matched.mean_cosine,
    )


def _measure_pair(
    embeddings: Embeddings,
    a: str,
    b: str,
    state: GapState,
    seconds: Mapping[str, SecondMoments],
    exact: bool,
    seed: int,
) -> PairMeasurement:
    base = _one_pass_pair(state, a, b)
    codes = embeddings.codes
    found: dict[str, Retrieval] = {}
    gaps = gap_intervals(embeddings, (a, b), seed=seed)
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
            max_queries=None if exact else QUERIES,
            seed=seed,
        )
        found[way] = scores.summary()
        intervals[f"recall@1 {way}"] = mean_interval(
            scores.hits(1), codes[x][scores.rows], seed=seed
        )
    return replace(
        base,
        separability=_separability(embeddings, a, b, seed),
        vector=gap_vector_from(seconds[a], seconds[b]),
        retrieval=found,
        intervals=intervals,
    )


def _separability(embeddings: Embeddings, a: str, b: str, seed: int) -> float | None:
    codes = embeddings.codes[a], embeddings.codes[b]
    try:
        return modality_auc(embeddings[a], embeddings[b], groups=codes, seed=seed)
    except InputError:  # too few groups to hold any out: the space has no such number
        return None


def _measure_mixed(
    embeddings: Embeddings, max_queries: int | None, seed: int
) -> MixedSearch | None:
    rows = sum(len(codes) for codes in embeddings.codes.values())
    if rows <= PLACES:  # the corpus is no longer than the list that is looked at
        return None
    return mixed_search(
        embeddings.arrays, embeddings.codes, k=PLACES, max_queries=max_queries, seed=seed
    )


def _measure_groups(
    embeddings: Embeddings, n_clusters: int | None, sample: int | None, seed: int
) -> tuple[Clustering | None, Estimate | None]:
    if embeddings.labels is None:
        return None, None
    rows = stacked_unit_rows(embeddings)
    labels = np.concatenate(list(embeddings.labels.values()))
    modality = np.repeat(embeddings.names, [len(c) for c in embeddings.codes.values()])
    clustering = joint_clustering(
        rows, labels, n_clusters=n_clusters, modalities=modality, seed=seed
    )
    try:
        groups = np.concatenate(list(embeddings.codes.values()))
        knn = knn_estimate(rows, labels, groups, sample=sample, seed=seed)
    except InputError:  # too few groups to split: the space has no such number
        knn = None
    return clustering, knn
