"""Plain sentences that follow from the numbers, and say the opposite where they do."""

from __future__ import annotations

from ..metrics.measurement import Measurement, PairMeasurement
from .group_findings import EQUAL as EQUAL
from .group_findings import group_findings

WIDE_GAP = 0.3
"""An L2M from which on the gap is called wide, and below a third of which small."""

SEPARATE = 0.99
"""An AUC from which on two dimensions are said to tell the modalities apart."""


def findings(name: str, measurement: Measurement) -> list[str]:
    """What the numbers of one set of embeddings say, a sentence each."""
    sentences = []
    for pair in measurement.pairs:
        sentences += _pair_findings(pair)
    sentences += _mixed_findings(measurement)
    sentences += group_findings(measurement)
    return [f"{name}: {sentence}" if name else sentence for sentence in sentences]


def compare(
    before_name: str, before: Measurement, after_name: str, after: Measurement
) -> list[str]:
    """What changed from one set of embeddings to another, a sentence each."""
    sentences = []
    for old, new in zip(before.pairs, after.pairs, strict=True):
        pair = " and ".join(old.modalities)
        sentences.append(
            f"Gap: between {before_name} and {after_name}, the distance of the centres of "
            f"{pair} {change(old.l2m, new.l2m, equal=0.01)} (L2M {old.l2m:.3f} to {new.l2m:.3f})."
        )
        recall = old.mean_recall(), new.mean_recall()
        sentences.append(
            f"Retrieval: R@1 from one modality to the other, mean of both directions, "
            f"{rate_change(*recall)} ({recall[0]:.3f} to {recall[1]:.3f})."
        )
    sentences += _mixed_change(before, after)
    if before.clustering is not None and after.clustering is not None:
        old_v, new_v = before.clustering.v_measure, after.clustering.v_measure
        sentences.append(
            f"Groups: the V-measure of joint clusters {rate_change(old_v, new_v)} "
            f"({old_v:.3f} to {new_v:.3f})."
        )
    return sentences


def _pair_findings(pair: PairMeasurement) -> list[str]:
    a, b = pair.modalities
    size = "wide" if pair.l2m >= WIDE_GAP else "small" if pair.l2m < WIDE_GAP / 3 else "moderate"
    closer = (
        "farther apart than"
        if pair.rmg > 0.51
        else "about as far apart as"
        if pair.rmg > 0.49
        else "closer than"
    )
    sentences = [
        f"The gap is {size}: the centres of {a} and {b} lie {pair.l2m:.3f} apart "
        "(L2M; 0 is none, 2 is opposite).",
        f"True pairs have a mean cosine of {pair.pair_cosine:.3f} and are {closer} two random "
        f"items of one modality (RMG {pair.rmg:.3f}; equal at 0.5).",
    ]
    means = pair.largest_means
    if means is not None and means.separation >= SEPARATE:
        which = " and ".join(str(d) for d in sorted(set(means.dimensions)))
        sentences.append(
            f"Dimension{'s' * (' and ' in which)} {which} alone tell{'s' * (' and ' not in which)} "
            f"{a} from {b} (AUC {means.separation:.3f}; 0.5 is chance)."
        )
    if pair.retrieval:
        sentences.append(
            f"The nearest {b} matches for {pair.recall(0):.1%} of {a} items, the nearest {a} for "
            f"{pair.recall(1):.1%} of {b} items (R@1)."
        )
    return sentences


def _mixed_findings(measurement: Measurement) -> list[str]:
    """Does one index for all modalities serve each query with the others?"""
    search = measurement.mixed_search
    if search is None:
        return []
    sentences = []
    for name, found in search.by_modality.items():
        own, share = found.top_share[name], found.corpus_share[name]
        verdict = (
            "only its own kind"
            if own > 0.99
            else "mostly its own kind"
            if own > (1 + share) / 2
            else "both kinds"
        )
        sentences.append(
            f"In one index for everything, a query by {name} finds {verdict}: {own:.0%} of its "
            f"first {search.k} results are {name}, which makes up {share:.0%} of the index, and "
            f"a match is among them for {found.recall:.1%} of queries."
        )
    return sentences


def _mixed_change(before: Measurement, after: Measurement) -> list[str]:
    old, new = before.mixed_search, after.mixed_search
    if old is None or new is None:
        return []
    return [
        f"One index: a match is among the first {old.k} results of a query by {name} for "
        f"{old.by_modality[name].recall:.1%} of queries before and "
        f"{new.by_modality[name].recall:.1%} after."
        for name in old.by_modality
    ]


def change(old: float, new: float, *, equal: float) -> str:
    """What happened to a length, as a verb phrase: differences up to `equal` are none."""
    if abs(new - old) <= equal:
        return "stays the same"
    if new < old:
        return "disappears" if new <= equal else f"shrinks {old / new:.1f} times"
    return "appears" if old <= equal else f"grows {new / old:.1f} times"


def rate_change(old: float, new: float) -> str:
    """What happened to a rate in [0, 1], as a verb phrase."""
    if abs(new - old) <= EQUAL:
        return "stays about the same"
    return "rises" if new > old else "falls"
