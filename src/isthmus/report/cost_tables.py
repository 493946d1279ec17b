"""Tables of what the gap costs: retrieval, one index for all, groups of meaning."""

from __future__ import annotations

from ..metrics.measurement import Measurement
from .cells import estimate_text, with_interval
from .detail import Detail


def retrieval_table(measurement: Measurement) -> Detail:
    """Search from one modality to another."""
    rows = [
        [
            way,
            f"{found.queries:,}",
            with_interval(pair, f"recall@1 {way}", found.recall[1]),
            *(f"{found.recall[k]:.3f}" for k in sorted(found.recall) if k > 1),
            f"{found.median_rank:g}",
            f"{found.mean_reciprocal_rank:.3f}",
            f"{found.ndcg:.3f}",
            f"{found.mean_average_precision:.3f}",
        ]
        for pair in measurement.pairs
        for way, found in pair.retrieval.items()
    ]
    headings = (
        "from → to",
        "queries",
        "R@1",
        "R@5",
        "R@10",
        "median rank",
        "MRR",
        "nDCG@10",
        "mAP",
    )
    legend = "Candidates are the items of the second modality alone."
    return Detail("What does it cost? Search from one modality to another", headings, rows, legend)


def mixed_table(measurement: Measurement) -> Detail:
    """One index for all modalities."""
    search = measurement.mixed_search
    names = [m.name for m in measurement.modalities]
    rows = (
        []
        if search is None
        else [
            [
                name,
                f"{found.queries:,}",
                f"{found.recall:.3f}",
                f"{found.ndcg:.3f}",
                *(f"{found.top_share[m]:.0%} ({found.corpus_share[m]:.0%})" for m in names),
            ]
            for name, found in search.by_modality.items()
        ]
    )
    k = 10 if search is None else search.k
    headings = (
        "queries by",
        "asked",
        f"R@{k}",
        f"nDCG@{k}",
        *(f"{name} in top {k}" for name in names),
    )
    legend = "One index for all modalities. In brackets: the modality's share of the corpus."
    return Detail("What does it cost? One index for everything", headings, rows, legend)


def groups_table(measurement: Measurement) -> Detail:
    """Joint clusters and neighbours."""
    found = measurement.clustering
    rows = (
        []
        if found is None
        else [
            [
                f"k-means, k = {found.n_clusters}",
                f"{found.v_measure:.3f}",
                f"{found.homogeneity:.3f}",
                f"{found.completeness:.3f}",
                f"{found.ari:.3f}",
                "–" if found.modality_purity is None else f"{found.modality_purity:.3f}",
                "–"
                if measurement.knn_accuracy is None
                else estimate_text(measurement.knn_accuracy, 3),
            ]
        ]
    )
    headings = (
        *("clusters of all modalities", "V-measure", "homogeneity", "completeness", "ARI"),
        *("modality purity", "kNN"),
    )
    legend = (
        ""
        if found is None
        else (
            f"{found.algorithm}, {found.n_init} starts, seed {found.seed}, inertia "
            f"{found.inertia:.5g}. Modality purity: 1 where clusters are the modalities, 0 where "
            "they ignore them. kNN: k = 5, five folds by group."
        )
    )
    return Detail("What does it cost? Groups of meaning", headings, rows, legend)


def scatter_table(measurement: Measurement) -> Detail:
    """The part of a class's spread that is the gap's."""
    found = measurement.scatter
    rows = (
        []
        if found is None
        else [
            [
                "all modalities",
                f"{found.within:.3f}",
                f"{found.within_from_modality:.3f} ({found.share:.0%})",
                f"{found.between:.3f}",
            ]
        ]
    )
    headings = ("rows of", "within classes", "of which the gap adds", "between classes")
    legend = "Mean squared distances of unit rows to the centres of their classes, and of these."
    return Detail("What does it cost? The spread of a class", headings, rows, legend)
