"""Every metric of an embedding space in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce

import numpy as np

from ..embeddings import Embeddings
from ..progress import steps
from .bias_measure import measure_bias, measure_presence
from .budget import Budget
from .estimate import Estimate
from .full_pass import state_and_seconds
from .gap_vector import centroid_distances_from
from .group_measure import cluster_together, measure_groups
from .group_measurement import GroupMeasurement
from .measure_costs import step_costs
from .measurement import Measurement, ModalityMeasurement
from .mixed_search import MixedSearch, mixed_search_of
from .pair_measure import measure_pair, measure_retrieval, one_pass_pair
from .sampled_uniformity import joint_uniformity
from .second_moments import SecondMoments
from .spectrum import effective_rank_from
from .state import GapState
from .uniformity import gaussian_uniformity, wasserstein_uniformity_from

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

    For every pair of modalities: L2M, RMG, L2I, true-pair cosine and alignment; uniformity of
    the pairs' centroids; linear separability, by all dimensions and by two alone; the shape of
    the gap vector, and what is left without the dimensions that differ most; retrieval in both
    directions (R@1, 5, 10, median rank, MRR, nDCG, mAP); 95 % intervals over groups. For every
    modality: mean angular value, effective rank, uniformity. For all together: distances of
    centroids, uniformity, mixed search. Where rows have labels: k-means and kNN accuracy over
    all modalities, within each, and from one to another; scatter; a linear probe of each
    modality; zero-shot accuracy, order of the classes, and redundancy, uniqueness and synergy
    of every pair. With attributes too: MOAD, and where attributes `named_…` say what captions name,
    caption-presence bias. The definitions are with the plain functions in
    `isthmus.metrics`; what a space has no number for, say for too few groups, is None.

    Parameters
    ----------
    embeddings:
        The space; a pair of modalities without any common group is left out.
    n_clusters:
        k of the k-means; the number of labels if not given.
    temperature:
        If given, also the entropy of the softmax over all candidates at this temperature, and
        the contrastive loss.
    fast:
        Only what one pass over the rows gives: L2M, RMG, L2I, pair cosine, cones.
    exact:
        Everything over all rows. By default, what compares all rows with all others, or fits
        a model, is estimated on a seeded sample beyond a budget (`isthmus.metrics.budget`):
        uniformity, kNN accuracy and zero-shot accuracy on 4,000 rows (with standard errors),
        mixed search with 2,000 queries of each modality, retrieval with 20,000 of each
        direction (with intervals); removal of dimensions on 2,000 groups; starts of the joint
        clusters, and clusters and neighbours of each modality, on 4,000 rows (clusters on 50
        for each, if more);
        probes on 2,000 rows or pairs (with errors of the information); the order of 1,000
        classes. Candidates of retrieval and search are always all rows; all other numbers are
        always exact. Probes need 20 groups a class, and at most 100 classes, 20 for the
        information.
    seed:
        Seed of k-means, folds, samples and intervals.

    Examples
    --------
    >>> space = Embeddings({"image": np.eye(4), "text": np.eye(4) + [0, 0, 0, 2]})
    >>> pair = measure(space).pairs[0]
    >>> round(pair.l2m, 2), pair.recall("text→image")
    (0.71, 0.25)
    """
    if fast:
        with steps({"one pass": 1}) as step, step("one pass"):
            return one_pass_measurement(GapState.of(embeddings))
    budget = Budget.of(exact=exact)
    costs = step_costs(embeddings, budget, n_clusters=n_clusters, softmax=temperature is not None)
    with steps(costs) as step:
        with step("one pass"):
            state, seconds = state_and_seconds(embeddings)
        with step("uniformity"):
            modalities, uniformity = _measure_spread(embeddings, state, seconds, budget, seed)
        pairs = [
            measure_pair(
                embeddings,
                pair,
                state,
                seconds,
                temperature=temperature,
                budget=budget,
                seed=seed,
                step=step,
            )
            for pair in state.pairs
        ]
        with step("mixed search"):
            mixed = _measure_mixed(embeddings, budget, seed)
        groups = measure_groups(
            embeddings, n_clusters=n_clusters, budget=budget, seed=seed, step=step
        )
    found = replace(
        one_pass_measurement(state),
        modalities=modalities,
        pairs=tuple(pairs),
        mixed_search=mixed,
        uniformity=uniformity,
        wasserstein_uniformity=wasserstein_uniformity_from(
            reduce(SecondMoments.merge, seconds.values())
        ),
        moad=measure_bias(embeddings),
        presence=measure_presence(embeddings),
    )
    return found if groups is None else _with_groups(found, groups)


def measure_costs(embeddings: Embeddings, *, seed: int = 0) -> Measurement:
    """The gap and what it costs, no more: what a space before and after closing is judged by.

    Of `measure`: what one pass gives, retrieval, mixed search and joint clusters.

    >>> found = measure_costs(Embeddings({"a": np.eye(3), "b": np.eye(3)}))
    >>> found.pairs[0].recall(0), found.pairs[0].separability is None
    (1.0, True)
    """
    budget = Budget.of(exact=False)
    costs = step_costs(embeddings, budget, n_clusters=None, softmax=False)
    with steps(costs) as step:
        with step("one pass"):
            state = GapState.of(embeddings)
        pairs = []
        for a, b in state.pairs:
            found, intervals = measure_retrieval(
                embeddings, (a, b), max_queries=budget.queries, seed=seed, step=step
            )
            pairs.append(replace(one_pass_pair(state, a, b), retrieval=found, intervals=intervals))
        with step("mixed search"):
            mixed = _measure_mixed(embeddings, budget, seed)
        clustering = None
        if embeddings.labels is not None:
            with step("clusters"):
                clustering = cluster_together(embeddings, n_clusters=None, budget=budget, seed=seed)
    return replace(
        one_pass_measurement(state),
        pairs=tuple(pairs),
        mixed_search=mixed,
        clustering=clustering,
    )


def one_pass_measurement(state: GapState) -> Measurement:
    """What the moments alone say: of one pass over a space, or of merged shards."""
    distances = centroid_distances_from(list(state.moments.values()))  # (M, M)
    return Measurement(
        dimension=len(next(iter(state.moments.values())).total),
        modalities=tuple(
            ModalityMeasurement(name, m.count, m.mean_cosine) for name, m in state.moments.items()
        ),
        pairs=tuple(one_pass_pair(state, a, b) for a, b in state.pairs),
        centroid_distances=tuple(tuple(row) for row in distances.tolist()),
        mean_centroid_distance=float(distances[np.triu_indices(len(distances), 1)].mean()),
    )


def _measure_spread(
    embeddings: Embeddings,
    state: GapState,
    seconds: Mapping[str, SecondMoments],
    budget: Budget,
    seed: int,
) -> tuple[tuple[ModalityMeasurement, ...], Estimate]:
    """How each modality spreads over the sphere, and all of them together."""
    found = []
    with steps(dict.fromkeys((*embeddings.names, "all together"), 1.0)) as part:
        for name, x in embeddings.arrays.items():
            with part(name):
                measured = ModalityMeasurement(
                    name,
                    rows=seconds[name].count,
                    mean_angular_value=state.moments[name].mean_cosine,
                    effective_rank=effective_rank_from(seconds[name]),
                    uniformity=gaussian_uniformity(x, sample=budget.sample, seed=seed),
                    wasserstein_uniformity=wasserstein_uniformity_from(seconds[name]),
                )
            found.append(measured)
        with part("all together"):
            together = joint_uniformity(embeddings, sample=budget.sample, seed=seed)
    return tuple(found), together


def _measure_mixed(embeddings: Embeddings, budget: Budget, seed: int) -> MixedSearch | None:
    rows = sum(len(codes) for codes in embeddings.codes.values())
    if rows <= PLACES:  # the corpus is no longer than the list that is looked at
        return None
    return mixed_search_of(embeddings, k=PLACES, max_queries=budget.mixed, seed=seed)


def _with_groups(found: Measurement, groups: GroupMeasurement) -> Measurement:
    return replace(
        found,
        modalities=tuple(replace(m, groups=groups.by_modality[m.name]) for m in found.modalities),
        pairs=tuple(replace(p, groups=groups.by_pair[p.modalities]) for p in found.pairs),
        clustering=groups.clustering,
        knn_accuracy=groups.knn_accuracy,
        knn_accuracies=groups.knn_accuracies,
        scatter=groups.scatter,
    )
