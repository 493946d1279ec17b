"""A measurement as flat records, one per pair of modalities: for tables of many of them."""

from __future__ import annotations

from typing import Any

from .group_measurement import PairGroups
from .measurement import Measurement, ModalityMeasurement, PairMeasurement


def record(measurement: Measurement, pair: PairMeasurement) -> dict[str, Any]:
    """Name → number, of a pair and of the space that it is in; None where there is none."""
    means = pair.largest_means
    found: dict[str, Any] = {
        "modalities": " – ".join(pair.modalities),
        "matched_pairs": pair.matched_pairs,
        "l2m": pair.l2m,
        "rmg": pair.rmg,
        "l2i": pair.l2i,
        "pair_cosine": pair.pair_cosine,
        "alignment": pair.alignment,
        "centroid_uniformity": _value(pair.centroid_uniformity),
        "separability": pair.separability,
        "two_dimensions_separability": means.separation if means else None,
        "share_of_variance": pair.vector.share_of_variance if pair.vector else None,
    }
    found |= _retrieval(pair)
    for modality in measurement.modalities:
        if modality.name in pair.modalities:
            found |= _modality(modality)
    found["mean_centroid_distance"] = measurement.mean_centroid_distance
    found["uniformity"] = _value(measurement.uniformity)
    found["wasserstein_uniformity"] = measurement.wasserstein_uniformity
    clustering = measurement.clustering
    found["v_measure"] = clustering.v_measure if clustering else None
    found["knn_accuracy"] = _value(measurement.knn_accuracy)
    if measurement.knn_accuracies is not None:
        accuracy = measurement.knn_accuracies.accuracy
        ways = [f"{a}→{b}" for a in pair.modalities for b in pair.modalities]
        found |= {f"knn_accuracy {way}": accuracy[way] for way in ways}
    return found | (_groups(pair.groups) if pair.groups is not None else {})


def _retrieval(pair: PairMeasurement) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for way, search in pair.retrieval.items():
        found |= {f"recall@{k} {way}": value for k, value in search.recall.items()}
        found[f"median_rank {way}"] = search.median_rank
        found[f"mrr {way}"] = search.mean_reciprocal_rank
        found[f"ndcg@{search.ndcg_at} {way}"] = search.ndcg
        found[f"map {way}"] = search.mean_average_precision
    for name, interval in pair.intervals.items():
        found |= {f"{name} low": interval.low, f"{name} high": interval.high}
    return found


def _modality(modality: ModalityMeasurement) -> dict[str, Any]:
    name, groups = modality.name, modality.groups
    found: dict[str, Any] = {
        f"mean_angular_value {name}": modality.mean_angular_value,
        f"effective_rank {name}": modality.effective_rank,
        f"uniformity {name}": _value(modality.uniformity),
        f"wasserstein_uniformity {name}": modality.wasserstein_uniformity,
    }
    if groups is not None:
        clustering, probe = groups.clustering, groups.probe
        found[f"v_measure {name}"] = clustering.v_measure if clustering else None
        found[f"probe_accuracy {name}"] = probe.accuracy if probe else None
    return found


def _groups(groups: PairGroups) -> dict[str, Any]:
    order, information = groups.class_order, groups.information
    found: dict[str, Any] = {"neighbourhood_distance": order.distance if order else None}
    for way, named in groups.zero_shot.items():
        found |= {f"zero_shot@{k} {way}": top.value for k, top in named.accuracy.items()}
    for part in ("redundancy", "unique1", "unique2", "synergy"):
        found[part] = getattr(information, part) if information else None
    return found


def _value(estimate: Any) -> float | None:
    return None if estimate is None else float(estimate.value)
