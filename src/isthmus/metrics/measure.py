"""Every metric of an embedding space in one call."""

from __future__ import annotations

from functools import reduce

import numpy as np

from ..arrays import Array, to_numpy, unit_rows
from ..embeddings import Embeddings
from ..errors import InputError
from .bias import Moad, moad
from .clustering import Clustering, joint_clustering
from .estimate import Estimate
from .measurement import Measurement, ModalityMeasurement
from .mixed_search import MixedSearch, mixed_search
from .neighbours import knn_estimate
from .pair_measure import measure_pair, one_pass_pair
from .scatter import Scatter, class_scatter
from .second_moments import SecondMoments
from .spectrum import effective_rank_from
from .state import GapState
from .uniformity import gaussian_uniformity, wasserstein_uniformity_from

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
    temperature: float | None = None,
    fast: bool = False,
    exact: bool = False,
    seed: int = 0,
) -> Measurement:
    """Measure the modality gap of an embedding space, and what it costs.

    For every pair of modalities: L2M, RMG, L2I and true-pair cosine; linear separability and
    the shape of the gap vector; retrieval in both directions (R@1, 5, 10, median rank, MRR,
    nDCG, mAP); 95 % intervals over groups. For every modality: mean angular value, effective
    rank, uniformity. For all together: mixed search and Wasserstein uniformity; where rows have
    labels joint k-means (V-measure), kNN accuracy and scatter; with attributes too, MOAD. The
    definitions are with the plain functions in `isthmus.metrics`.

    Parameters
    ----------
    embeddings:
        The space; a pair of modalities without any common group is left out.
    n_clusters:
        k of the joint k-means; the number of labels if not given.
    temperature:
        If given, also the entropy of the softmax over all candidates at this temperature, and
        the contrastive loss.
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
            measure_pair(
                embeddings,
                pair,
                state,
                seconds,
                temperature=temperature,
                max_queries=None if exact else QUERIES,
                seed=seed,
            )
            for pair in state.pairs
        ),
        clustering=clustering,
        knn_accuracy=knn,
        mixed_search=_measure_mixed(embeddings, None if exact else SAMPLE // 2, seed),
        wasserstein_uniformity=wasserstein_uniformity_from(
            reduce(SecondMoments.merge, seconds.values())
        ),
        scatter=_measure_scatter(embeddings),
        moad=_measure_bias(embeddings),
    )


def one_pass_measurement(state: GapState) -> Measurement:
    """What the moments alone say: of one pass over a space, or of merged shards."""
    return Measurement(
        dimension=len(next(iter(state.moments.values())).total),
        modalities=tuple(
            ModalityMeasurement(name, m.count, m.mean_cosine) for name, m in state.moments.items()
        ),
        pairs=tuple(one_pass_pair(state, a, b) for a, b in state.pairs),
    )


def stacked_unit_rows(embeddings: Embeddings) -> Array:
    """The unit rows of all modalities, (Σ N_m, D), in their order, on the host."""
    return np.concatenate([to_numpy(unit_rows(x)) for x in embeddings.arrays.values()])


def _measure_scatter(embeddings: Embeddings) -> Scatter | None:
    if embeddings.labels is None:
        return None
    return class_scatter(embeddings.arrays, embeddings.labels)


def _measure_bias(embeddings: Embeddings) -> dict[str, Moad]:
    if embeddings.labels is None or not embeddings.attributes:
        return {}
    return {
        name: moad(
            embeddings[name],
            embeddings.labels[name],
            np.stack([values[name] for values in embeddings.attributes.values()], axis=1),
        )
        for name in embeddings.names
    }


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
