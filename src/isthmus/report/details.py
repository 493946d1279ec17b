"""The tables behind the main one, in the order of the questions that they answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..metrics.estimate import Estimate
from ..metrics.measurement import Measurement, PairMeasurement

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@dataclass(frozen=True)
class Detail:
    """One table: the question it answers, its headings and rows of cells, and a legend."""

    question: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    legend: str


def details(measurement: Measurement) -> list[Detail]:
    """How big is the gap, what carries it, what does it cost? Only tables that have numbers."""
    tables = [
        _size(measurement),
        _carriers(measurement),
        _modalities(measurement),
        _retrieval(measurement),
        _mixed(measurement),
        _groups(measurement),
    ]
    return [table for table in tables if table.rows]


def rich_detail(detail: Detail) -> RichTable:
    """A detail table for the terminal."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=detail.question,
        caption=detail.legend,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for k, heading in enumerate(detail.headings):
        table.add_column(heading, justify="left" if k == 0 else "right")
    for row in detail.rows:
        table.add_row(*row)
    return table


def _size(measurement: Measurement) -> Detail:
    rows = [
        [
            _name(pair),
            _with_interval(pair, "l2m", pair.l2m),
            _with_interval(pair, "rmg", pair.rmg),
            _with_interval(pair, "pair_cosine", pair.pair_cosine),
            f"{pair.l2i:.3f}",
        ]
        for pair in measurement.pairs
    ]
    legend = (
        "In brackets: 95 % intervals, by bootstrap over groups."
        if _any_intervals(measurement)
        else ""
    )
    headings = ("modalities", "gap (L2M)", "RMG", "pair cosine", "L2I")
    return Detail("How big is the gap?", headings, rows, legend)


def _carriers(measurement: Measurement) -> Detail:
    rows = [
        [
            _name(pair),
            "–" if pair.separability is None else f"{pair.separability:.3f}",
            f"{pair.vector.share_of_variance:.1%}",
            *(f"{value:.1%}" for value in (pair.vector.along_x, pair.vector.along_y)),
            *(f"{value:.2f}" for value in (pair.vector.cosine_x, pair.vector.cosine_y)),
        ]
        for pair in measurement.pairs
        if pair.vector is not None
    ]
    headings = (
        *("modalities", "separability", "share of variance"),
        *("along it: first", "second", "cosine to span: first", "second"),
    )
    legend = (
        "Separability: held-out AUC of the best hyperplane between modalities (0.5 none, 1 "
        "perfect). Share of variance: the gap vector's part of the variance of both modalities. "
        "Along it: the part of each modality's own variance in the gap's direction. Cosine to "
        "span: 0 where the gap is orthogonal to all that varies in the modality."
    )
    return Detail("What carries it?", headings, rows, legend)


def _modalities(measurement: Measurement) -> Detail:
    rows = [
        [
            m.name,
            f"{m.rows:,}",
            f"{m.mean_angular_value:.3f}",
            "–"
            if m.effective_rank is None
            else f"{m.effective_rank:.0f} of {measurement.dimension}",
            "–" if m.uniformity is None else _estimate(m.uniformity, 2),
        ]
        for m in measurement.modalities
    ]
    legend = (
        "Mean cosine: between all pairs of rows of the modality, its cone. Uniformity: log mean "
        "Gaussian potential, lower is more even; ± where estimated on a sample."
    )
    headings = ("modality", "rows", "mean cosine", "effective rank", "uniformity")
    return Detail("What are the modalities like?", headings, rows, legend)


def _retrieval(measurement: Measurement) -> Detail:
    rows = [
        [
            way,
            f"{found.queries:,}",
            _with_interval(pair, f"recall@1 {way}", found.recall[1]),
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


def _mixed(measurement: Measurement) -> Detail:
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


def _groups(measurement: Measurement) -> Detail:
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
                "–" if measurement.knn_accuracy is None else _estimate(measurement.knn_accuracy, 3),
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


def _estimate(estimate: Estimate, decimals: int) -> str:
    text = f"{estimate.value:.{decimals}f}"
    return text + (f" ± {estimate.error:.{decimals}f}" if estimate.error else "")


def _name(pair: PairMeasurement) -> str:
    return " – ".join(pair.modalities)


def _with_interval(pair: PairMeasurement, name: str, value: float) -> str:
    interval = pair.intervals.get(name)
    return f"{value:.3f}" if interval is None else str(interval)


def _any_intervals(measurement: Measurement) -> bool:
    return any(pair.intervals for pair in measurement.pairs)
