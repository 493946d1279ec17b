"""What probes read from a trained cell on the splits of its data, as columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.splits import SPLITS
from ...metrics.split_probe import Part, probe_splits

if TYPE_CHECKING:
    from torch import nn

    from ...training.splits import Kind, Probed
    from ..trained import Trained

NUMBERS, FROZEN = "read-1", "frozen-1"
"""Names under which a cell keeps what is read from it, and from its encoders alone."""

ACCURACY, PLAIN, AUC = "accuracy", "plain accuracy", "AUC"
MSE = "MSE"
WEIGHTED, MACRO = "weighted F1", "macro F1"

MEANINGS: Mapping[Kind, Mapping[str, str]] = {
    "classes": {
        ACCURACY: "of a linear probe on the test split, mean over classes, × 100",
        PLAIN: "share of the test split that is told right, × 100",
        AUC: "area under the ROC curve, × 100",
    },
    "regression": {MSE: "squared error on the test split, mean over columns, in 10⁻⁴"},
    "labels": {
        WEIGHTED: "F1 on the test split, mean over labels by how many have them, × 100",
        MACRO: "mean over labels, × 100",
    },
}
"""Columns of a table, by what is to be told, and what they mean."""

SCORES: Mapping[str, tuple[str, float]] = {
    ACCURACY: ("balanced_accuracy", 1e2),
    PLAIN: ("accuracy", 1e2),
    AUC: ("auc", 1e2),
    MSE: ("mse", 1e4),
    WEIGHTED: ("weighted_f1", 1e2),
    MACRO: ("macro_f1", 1e2),
}
"""Column → score of `probe_splits`, and what it is multiplied by."""

PROBED = (
    "Probes are linear, on columns standardised by the training rows. The strength of the penalty "
    "is chosen on the validation split, the probe is fitted again to training and validation rows, "
    "and the test split is scored once. They read the fused features of CoMM before the projector, "
    "of the others all modalities side by side, before any head."
)
"""What a reader must know of all numbers."""


def probed(found: Trained) -> dict[str, float]:
    """What probes read at the end of training."""
    data: Probed = found.data()
    return _read(data, placed(found, found.model(data)))


def probed_frozen(found: Trained) -> dict[str, float]:
    """What they read from the encoders of a fusion model, before it is fused.

    Of pictures the class token, of others the mean of their tokens, one beside the other.
    """
    data: Probed = found.data()
    return _read(data, placed(found, _tokens(found.model(data))))


def _read(data: Probed, model: nn.Module) -> dict[str, float]:
    parts: list[Part] = []
    for split in SPLITS:
        seen = data.features(model, split)
        parts.append((together(seen.rows), seen.targets))
    train, validation, test = parts
    scores = probe_splits(train, validation, test, task=data.kind).scores
    wanted = {name: SCORES[name] for name in MEANINGS[data.kind]}
    return {name: by * scores[key] for name, (key, by) in wanted.items() if key in scores}


def together(rows: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """(N, D) what is probed: the fused features, or those of all modalities side by side."""
    return rows["fused"] if "fused" in rows else np.concatenate(list(rows.values()), axis=1)


def _tokens(model: Any) -> nn.Module:
    """The encoders of a fusion model, each pooled."""
    from torch import nn

    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fusion = model

        def forward(self, batch: Any) -> dict[str, Any]:
            seen = self.fusion.tokens(batch)[0]
            return {
                name: own.z[:, 0] if name == "image" else own.mean() for name, own in seen.items()
            }

    return Pooled()


def placed(found: Trained, model: nn.Module) -> nn.Module:
    """Where it was trained: what was trained on a GPU is embedded there."""
    import torch

    on_gpu = found.recipe.trainer.accelerator != "cpu" and torch.cuda.is_available()
    return model.to("cuda") if on_gpu else model
