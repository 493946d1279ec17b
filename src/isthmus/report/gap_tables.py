"""Tables of the gap itself: how big it is, what carries it, what it goes with."""

from __future__ import annotations

from ..metrics.measurement import Measurement
from .cells import estimate_text, optional, pair_name, with_interval
from .detail import Detail


def size_table(measurement: Measurement) -> Detail:
    """L2M, RMG, pair cosine, L2I, alignment and centroid uniformity of every pair."""
    full = any(pair.intervals for pair in measurement.pairs)
    rows = [
        [
            pair_name(pair),
            with_interval(pair, "l2m", pair.l2m),
            with_interval(pair, "rmg", pair.rmg),
            with_interval(pair, "pair_cosine", pair.pair_cosine),
            f"{pair.l2i:.3f}",
            optional(pair.alignment),
            *([estimate_text(pair.centroid_uniformity, 2)] if full else []),
        ]
        for pair in measurement.pairs
    ]
    legend = "L2I: mean distance of true pairs. Alignment: mean squared distance of true pairs."
    if full:
        legend = (
            "In brackets: 95 % intervals, by bootstrap over groups. " + legend + " Centroid "
            "uniformity: how evenly the centres of true pairs spread, lower is more even; ± where "
            "estimated on a sample."
        )
    headings = (
        *("modalities", "gap (L2M)", "RMG", "pair cosine", "L2I", "alignment"),
        *(["centroid uniformity"] if full else []),
    )
    return Detail("How big is the gap?", headings, rows, legend)


def carriers_table(measurement: Measurement) -> Detail:
    """Separability and shape of the gap vector."""
    rows = [
        [
            pair_name(pair),
            optional(pair.separability),
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


def centroids_table(measurement: Measurement) -> Detail:
    """Distances of the centres of three or more modalities."""
    names = [m.name for m in measurement.modalities]
    rows = [
        [name, *(f"{distance:.3f}" for distance in distances)]
        for name, distances in zip(names, measurement.centroid_distances, strict=True)
        if len(names) > 2
    ]
    mean = optional(measurement.mean_centroid_distance)
    legend = f"L2M of every two modalities; its mean over pairs is {mean}."
    return Detail("How far apart are the centres?", ("centre of", *names), rows, legend)


def modalities_table(measurement: Measurement) -> Detail:
    """Cone, effective rank and uniformity of every modality, and uniformity of all."""
    full = measurement.uniformity is not None
    rows = [
        [
            m.name,
            f"{m.rows:,}",
            f"{m.mean_angular_value:.3f}",
            *(
                [
                    "–"
                    if m.effective_rank is None
                    else f"{m.effective_rank:.0f} of {measurement.dimension}",
                    estimate_text(m.uniformity, 2),
                    optional(m.wasserstein_uniformity),
                ]
                if full
                else []
            ),
        ]
        for m in measurement.modalities
    ]
    headings = ["modality", "rows", "mean cosine"]
    legend = "Mean cosine: between all pairs of rows of the modality, its cone."
    if full:
        everything = sum(m.rows for m in measurement.modalities)
        rows.append(
            [
                *("all together", f"{everything:,}", "–", "–"),
                estimate_text(measurement.uniformity, 2),
                optional(measurement.wasserstein_uniformity),
            ]
        )
        headings += ["effective rank", "uniformity", "Wasserstein uniformity"]
        legend += (
            " Uniformity: log mean Gaussian potential, lower is more even; ± where estimated on a "
            "sample. Wasserstein uniformity: minus the distance to an even spread, 0 is even and "
            "−1.41 is one point."
        )
    return Detail("What are the modalities like?", tuple(headings), rows, legend)


def softmax_table(measurement: Measurement) -> Detail:
    """Entropy and loss at a temperature."""
    rows = [
        [
            way,
            f"{found.mean:.2f} ± {found.std:.2f}",
            f"{found.maximum:.2f}",
            f"{pair.loss.mean:.3f}",
        ]
        for pair in measurement.pairs
        if pair.loss is not None
        for way, found in pair.entropy.items()
    ]
    headings = ("from → to", "entropy", "at most", "loss of both ways")
    legend = "Softmax over all candidates at the temperature asked for, in nats; ± over queries."
    return Detail("How sure is the softmax?", headings, rows, legend)
