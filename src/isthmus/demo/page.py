"""The demonstration's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..embeddings import Embeddings
from ..metrics.measurement import Measurement
from ..report import Card, Report, Section, embedding_section
from ..report.figures import training_curve

History = Sequence[Mapping[str, Any]]


def demo_report(
    measurements: Mapping[str, Measurement],
    *,
    findings: Sequence[str],
    histories: Mapping[str, History],
    spaces: Mapping[str, Embeddings],
    setting: str,
    rate_ratio: float,
    seed: int,
) -> Report:
    """Tables, training curves, and the figures of every model, all by title."""
    clustering = next(iter(measurements.values())).clustering
    assert clustering is not None
    return Report(
        title="The modality gap, opened and closed",
        subtitle=setting,
        findings=findings,
        measurements=measurements,
        sections=[
            _curves(histories),
            *(embedding_section(title, space, seed=seed) for title, space in spaces.items()),
        ],
        notes=[
            "Images: scikit-learn's scanned digits, thickened, thinned, swollen, fractured, "
            "scaled and coloured; a caption names the digit and three of the five other facts.",
            "Rows match where their captions are equal, so that a duplicate caption is a match.",
            f"Clusters: k-means, {clustering.algorithm}, k = {clustering.n_clusters}, "
            f"{clustering.n_init} starts, seed {clustering.seed}; kNN: k = 5, five folds by "
            "caption.",
            "The learnable temperature starts at 0.01, where long CLIP training ends, with a "
            f"learning rate {rate_ratio:.0f} times that of the weights; the fixed one is 0.1.",
        ],
    )


def _curves(histories: Mapping[str, History]) -> Section:
    return Section(
        "During training",
        "The gap is measured on held-out digits.",
        [
            Card(
                "Loss",
                "Loss of the training batch; objectives differ in scale.",
                training_curve(histories, "loss", "loss"),
            ),
            Card(
                "Gap",
                "Distance of the centres of images and texts (L2M).",
                training_curve(histories, "l2m image–text", "L2M"),
            ),
            Card(
                "Temperature",
                "The learnable temperature moves; the others are fixed.",
                training_curve(histories, "temperature", "temperature"),
            ),
        ],
    )
