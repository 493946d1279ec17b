"""Sentences about groups of meaning: clusters, neighbours, classes named across the gap."""

from __future__ import annotations

from ..metrics.measurement import Measurement, PairMeasurement

EQUAL = 0.03
"""Differences of rates (R@1, V-measure, accuracy) up to this are called equal."""


def group_findings(measurement: Measurement) -> list[str]:
    """What the numbers that need labels say, a sentence each."""
    sentences = _clusters(measurement) + _neighbours(measurement)
    for pair in measurement.pairs:
        sentences += _named(pair) + _information(pair)
    return sentences


def _clusters(measurement: Measurement) -> list[str]:
    found = measurement.clustering
    if found is None:
        return []
    sentences = [
        f"k-means with {found.n_clusters} clusters over all modalities at once agrees with the "
        f"labels at a V-measure of {found.v_measure:.2f} (1 is perfect, 0 is chance)."
    ]
    alone = {
        m.name: m.groups.clustering.v_measure
        for m in measurement.modalities
        if m.groups is not None and m.groups.clustering is not None
    }
    if len(alone) == len(measurement.modalities):
        listed = ", ".join(f"{name} {value:.2f}" for name, value in alone.items())
        least, most = min(alone.values()), max(alone.values())
        verdict = (
            "clusters better than all together"
            if least > found.v_measure + EQUAL
            else "clusters no better than all together"
            if most <= found.v_measure + EQUAL
            else None
        )
        if verdict is not None:
            sentences.append(f"Each modality alone {verdict}: {listed}.")
    return sentences


def _neighbours(measurement: Measurement) -> list[str]:
    found = measurement.knn_accuracies
    if found is None:
        return []
    sentences = []
    for pair in measurement.pairs:
        a, b = pair.modalities
        lost = []
        for voter, name in ((a, b), (b, a)):
            own, other = found.accuracy[f"{name}→{name}"], found.accuracy[f"{voter}→{name}"]
            if own > other + EQUAL:
                lost.append(
                    f"The nearest {voter} items tell the label of {name} items less well than the "
                    f"nearest {name} items do (kNN accuracy {other:.2f} to {own:.2f})."
                )
        sentences += lost or [
            f"Neighbourhoods carry over: the nearest {a} items tell the label of {b} items about "
            f"as well as {b} items do, or better, and the other way round (kNN)."
        ]
    return sentences


def _named(pair: PairMeasurement) -> list[str]:
    """Zero-shot classification, or the nearest class mean, in both directions."""
    if pair.groups is None or len(pair.groups.zero_shot) < 2:
        return []
    a, b = pair.modalities
    there, back = (pair.groups.zero_shot[way] for way in (f"{a}→{b}", f"{b}→{a}"))
    return [
        f"The nearest class of {b} is right for {there.accuracy[1].value:.1%} of {a} items, and "
        f"the nearest class of {a} for {back.accuracy[1].value:.1%} of {b} items (zero-shot top-1, "
        f"of {there.classes:,} classes)."
    ]


def _information(pair: PairMeasurement) -> list[str]:
    found = None if pair.groups is None else pair.groups.information
    if found is None:
        return []
    a, b = pair.modalities
    return [
        f"Of the {found.entropy:.2f} bits of the labels, probes read {found.redundancy:.2f} in "
        f"either of {a} and {b}, {found.unique1:.2f} in {a} alone, {found.unique2:.2f} in {b} "
        f"alone, and {found.synergy:.2f} in both together only."
    ]
