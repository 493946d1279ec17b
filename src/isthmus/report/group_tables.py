"""Tables of groups of meaning: what rows with equal labels have in common across the gap."""

from __future__ import annotations

from ..metrics.clustering import Clustering
from ..metrics.measurement import Measurement
from .cells import estimate_text, optional, pair_name
from .detail import Detail


def clusters_table(measurement: Measurement) -> Detail:
    """k-means over all modalities, and of each by itself."""
    found = measurement.clustering
    rows = []
    if found is not None:
        everything = sum(m.rows for m in measurement.modalities)
        rows.append(_clusters("all modalities", everything, found))
        rows += [
            _clusters(f"{m.name} alone", m.groups.clustered_rows, m.groups.clustering)
            for m in measurement.modalities
            if m.groups is not None
        ]
    headings = (
        *("clusters of", "rows", "k", "V-measure", "homogeneity", "completeness", "ARI"),
        "modality purity",
    )
    legend = (
        ""
        if found is None
        else (
            f"{found.algorithm}, {found.n_init} starts, seed {found.seed}; inertia, the summed "
            f"squared distance to the centres, {found.inertia:.5g} over all modalities. Where each "
            "modality clusters well alone and all together do not, the gap is to blame. Alone on "
            "a sample of the rows, unless exact. The V-measure is also the NMI. Modality purity: 1 "
            "where clusters are the modalities, 0 where they ignore them."
        )
    )
    return Detail("What does it cost? Groups of meaning", headings, rows, legend)


def neighbours_table(measurement: Measurement) -> Detail:
    """kNN accuracy within modalities, from one to another, and over all of them."""
    found, together = measurement.knn_accuracies, measurement.knn_accuracy
    names = [m.name for m in measurement.modalities]
    rows = []
    if together is not None:
        rows.append(["all modalities", *("–" for _ in names), estimate_text(together, 3)])
    if found is not None:
        rows += [
            [voter, *(f"{found.accuracy[f'{voter}→{name}']:.3f}" for name in names), "–"]
            for voter in names
        ]
    legend = "Accuracy of the 5 nearest neighbours' vote, five folds split by group."
    if found is not None:
        taken = ", ".join(f"{rows:,} of {name}" for name, rows in found.rows.items())
        legend += (
            f" Rows are the modality that votes, columns the one that is classified, with {taken} "
            "taking part. Where a column's own modality classifies it best, neighbourhoods do not "
            "carry over."
        )
    headings = ("votes of", *(f"classify {name}" for name in names), "all")
    return Detail("What does it cost? Neighbours of the same label", headings, rows, legend)


def zero_shot_table(measurement: Measurement) -> Detail:
    """Top-k accuracy of naming rows by the classes of another modality."""
    rows = [
        [
            way,
            f"{named.classes:,}",
            f"{named.rows_per_class:,.1f}",
            *(estimate_text(named.accuracy.get(k), 3) for k in (1, 5)),
        ]
        for pair in measurement.pairs
        if pair.groups is not None
        for way, named in pair.groups.zero_shot.items()
    ]
    headings = ("from → to", "classes", "rows a class", "top-1", "top-5")
    legend = (
        "Each item of the first modality goes to the class whose rows in the second lie nearest, "
        "by their mean direction. This is zero-shot classification where the second holds "
        "prompts; where it holds items, it is that of the nearest class mean, and an item's own "
        "match is among them. ± where on a sample of 4,000 items."
    )
    return Detail("What does it cost? Naming items across the gap", headings, rows, legend)


def order_table(measurement: Measurement) -> Detail:
    """How differently two modalities order the classes."""
    rows = [
        [pair_name(pair), f"{order.distance:.3f}", f"{order.classes:,}"]
        for pair in measurement.pairs
        if pair.groups is not None and (order := pair.groups.class_order) is not None
    ]
    headings = ("modalities", "neighbourhood distance", "classes")
    legend = (
        "For each class, all classes are ordered by how similar they are to it, in both "
        "modalities. 0: the same orders, 0.5: unrelated ones, 1: reversed. Of 1,000 classes at "
        "most, unless exact."
    )
    return Detail("Do the modalities order the classes alike?", headings, rows, legend)


def probes_table(measurement: Measurement) -> Detail:
    """A linear probe of every modality."""
    rows = [
        [
            m.name,
            f"{probe.accuracy:.3f}",
            f"{probe.balanced_accuracy:.3f}",
            f"{probe.cost:g}",
            f"{probe.train_rows:,}",
            f"{probe.validation_rows:,}",
            f"{probe.test_rows:,}",
        ]
        for m in measurement.modalities
        if m.groups is not None and (probe := m.groups.probe) is not None
    ]
    headings = (
        *("modality", "accuracy", "balanced accuracy", "cost"),
        *("rows: train", "validate", "test"),
    )
    legend = (
        "Logistic regression on unit rows, split by group; the validation rows choose its cost C. "
        "Balanced: the mean over classes of the share found. On 2,000 rows at most, unless exact."
    )
    return Detail("What does a linear probe read?", headings, rows, legend)


def information_table(measurement: Measurement) -> Detail:
    """Redundancy, unique information and synergy of every pair, in bits."""
    rows = [
        [
            pair_name(pair),
            f"{found.entropy:.2f}",
            *(
                f"{getattr(found, part):.2f} ± {found.errors[part]:.2f}"
                for part in ("redundancy", "unique1", "unique2", "synergy")
            ),
        ]
        for pair in measurement.pairs
        if pair.groups is not None and (found := pair.groups.information) is not None
    ]
    headings = ("modalities", "labels", "redundancy", "unique: first", "second", "synergy")
    legend = (
        "In bits. Labels: their entropy. Redundancy: what either modality says of them; unique: "
        "what one alone says; synergy: what only both together say. Estimated with probes on "
        "2,000 matched pairs at most, unless exact; ± standard errors with the probes held fixed. "
        "Probes of one modality read redundancy and its own unique part; of both, all four."
    )
    return Detail("Who knows what about the labels?", headings, rows, legend)


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
                f"{found.total:.3f}",
            ]
        ]
    )
    headings = ("rows of", "within classes", "of which the gap adds", "between classes", "total")
    legend = "Mean squared distances of unit rows to the centres of their classes, and of these."
    return Detail("What does it cost? The spread of a class", headings, rows, legend)


def _clusters(name: str, rows: int, found: Clustering | None) -> list[str]:
    if found is None:
        return [name, f"{rows:,}", *("–",) * 6]
    return [
        name,
        f"{rows:,}",
        f"{found.n_clusters:,}",
        *(f"{v:.3f}" for v in (found.v_measure, found.homogeneity, found.completeness, found.ari)),
        optional(found.modality_purity),
    ]
