"""A linear classifier or regression on the embeddings, trained together with what gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from .batch import Batch
from .objective import Objective
from .terms import Terms

TargetKind: TypeAlias = Literal["classes", "labels", "regression"]
"""One class of several, any of several labels, or numbers."""


class Supervised(Objective):
    r"""What a linear map of the embeddings tells of the targets, against what is so.

    L = mean_i ℓ(W √D z_i + b, y_i) over the unit rows z of all modalities and views that are
    chosen, with ℓ the cross-entropy of classes, the mean binary cross-entropy of labels, or the
    mean squared error of numbers. √D makes a row's numbers of the size that a linear map's initial
    weights are for. It is how a model is trained, or a pretrained one fine-tuned, for one task;
    W and b are parameters of the objective, and probes do without them.

    Parameters
    ----------
    outputs:
        Classes, labels or numbers, K.
    width:
        D of the embeddings.
    kind:
        What targets are.
    modalities:
        Whose embeddings tell, ["fused"] of a fusion model for one; all that are given if None.

    Inputs
    ------
    As in `Objective`, with `targets`: (B,) integers from 0 to K − 1, or (B, K) labels that are 0 or
    1, or (B, K) numbers, best of mean 0 and deviation 1. Groups do not matter.

    Returns
    -------
    Terms
        With `supervised`.

    Raises
    ------
    ValueError
        No targets, or of another shape, dtype or range; a width that differs; a modality that is
        not given.

    Examples
    --------
    >>> import torch
    >>> loss = Supervised(outputs=2, width=3)
    >>> terms = loss({"image": torch.ones(4, 3)}, targets=torch.tensor([0, 1, 0, 1]))
    >>> bool(terms.total > 0)
    True
    """

    def __init__(
        self,
        *,
        outputs: int,
        width: int,
        kind: TargetKind = "classes",
        modalities: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        if kind not in ("classes", "labels", "regression"):
            raise ValueError(f"kind must be 'classes', 'labels' or 'regression'; found {kind!r}")
        least = 2 if kind == "classes" else 1
        if outputs < least or width < 1:
            raise ValueError(
                f"outputs must be at least {least}, and width 1; found {outputs} and {width}"
            )
        self.kind: TargetKind = kind
        self.outputs, self.width = outputs, width
        self.modalities = None if modalities is None else list(modalities)
        self.head = nn.Linear(width, outputs)

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        names = batch.names if self.modalities is None else self.modalities
        if missing := [name for name in names if name not in batch.views]:
            raise ValueError(f"no modality '{missing[0]}' to tell from; found {batch.names}")
        targets = self._checked(batch.targets)
        total = count = self.head.weight.new_zeros(())
        for name in names:
            for k in range(len(batch.views[name])):
                losses, weights = self._losses(batch, name, k, targets)
                total, count = total + (weights * losses).sum(), count + weights.sum()
        loss = total / count.clamp(min=torch.finfo(count.dtype).tiny)
        return Terms(loss, {"supervised": loss})

    def _losses(self, batch: Batch, name: str, view: int, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Losses of the rows that there are, and their weights."""
        rows = batch.rows(name, view)
        if rows.z.shape[1] != self.width:
            raise ValueError(
                f"embeddings of '{name}' have width {rows.z.shape[1]}; this objective was made "
                f"for {self.width}"
            )
        known = targets if name not in batch.masks else targets[batch.masks[name]]
        told = self.head(rows.z.to(self.head.weight.dtype) * self.width**0.5)
        if self.kind == "classes":
            losses = functional.cross_entropy(told, known, reduction="none")
        else:
            of = (
                functional.binary_cross_entropy_with_logits
                if self.kind == "labels"
                else functional.mse_loss
            )
            losses = of(told, known.to(told.dtype), reduction="none").mean(dim=1)
        weights = torch.ones_like(losses) if rows.weights is None else rows.weights.to(losses)
        return losses, weights

    def _checked(self, targets: Tensor | None) -> Tensor:
        if targets is None:
            raise ValueError(
                "Supervised needs targets, one for each item (in recipes, data that are `labelled`)"
            )
        shape = (len(targets),) if self.kind == "classes" else (len(targets), self.outputs)
        if targets.shape != shape:
            raise ValueError(
                f"targets of kind '{self.kind}' must be {shape}; found {tuple(targets.shape)}"
            )
        if self.kind == "classes":
            if targets.is_floating_point() or targets.dtype is torch.bool:
                raise ValueError(f"classes must be integers; found {targets.dtype}")
            wrong = (targets < 0) | (targets >= self.outputs)
        else:
            wrong = ~targets.isfinite().all(dim=1)
            if self.kind == "labels":
                wrong = ((targets != 0) & (targets != 1)).any(dim=1)
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0, 0])
            allowed = {
                "classes": f"from 0 to {self.outputs - 1}",
                "labels": "0 or 1",
                "regression": "finite",
            }[self.kind]
            raise ValueError(
                f"targets must be {allowed}; found {targets[row].tolist()} in row {row}"
            )
        return targets.long() if self.kind == "classes" else targets
