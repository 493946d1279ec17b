"""Tables of what the gap costs: retrieval, and one index for all."""

from __future__ import annotations

from ..metrics.measurement import Measurement
from .cells import with_interval
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
