"""The Lightning module: any towers, any objective."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from ..objectives import Terms

GROUP = "group"
"""Key of a batch's group ids."""


class ContrastiveModule(LightningModule):
    """Train towers with an objective.

    AdamW with a linear warm-up and a cosine decay to zero. Parameters of the objective, such
    as a learnable temperature, have a learning rate of their own and no weight decay: at the
    weights' rate a temperature hardly moves within a short run.

    Parameters
    ----------
    towers:
        A batch (name → tensor) to name → (B, D) embeddings.
    objective:
        Embeddings and groups to `Terms`.
    learning_rate, temperature_learning_rate:
        Peak rates of the towers' and the objective's parameters.
    warm_up:
        Share of the steps over which the rates rise.
    """

    def __init__(
        self,
        towers: nn.Module,
        objective: nn.Module,
        *,
        learning_rate: float = 1e-3,
        temperature_learning_rate: float = 3e-2,
        weight_decay: float = 0.1,
        warm_up: float = 0.1,
    ) -> None:
        super().__init__()
        self.towers = towers
        self.objective = objective
        self.learning_rate = learning_rate
        self.temperature_learning_rate = temperature_learning_rate
        self.weight_decay = weight_decay
        self.warm_up = warm_up

    @property
    def temperature(self) -> float | None:
        """The objective's temperature, if it has one."""
        return getattr(self.objective, "temperature", None)

    def training_step(self, batch: Mapping[str, Tensor], _index: int) -> Tensor:
        """The loss of one batch; its terms are logged."""
        terms: Terms = self.objective(self.towers(batch), groups=batch.get(GROUP))
        self.log_dict(terms.floats())
        return terms.total

    def configure_optimizers(self) -> Any:
        """AdamW over both groups of parameters, stepped by the schedule every batch."""
        groups: list[dict[str, Any]] = [
            {
                "params": list(self.towers.parameters()),
                "lr": self.learning_rate,
                "weight_decay": self.weight_decay,
            }
        ]
        if own := list(self.objective.parameters()):
            groups.append(
                {"params": own, "lr": self.temperature_learning_rate, "weight_decay": 0.0}
            )
        optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: warm_up_cosine(step, steps, self.warm_up)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def warm_up_cosine(step: int, steps: int, warm_up: float) -> float:
    """Factor on the learning rate: linear from near 0 to 1, then a half cosine to 0.

    >>> [round(warm_up_cosine(step, 10, 0.2), 2) for step in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    rising = max(1, round(warm_up * steps))
    if step < rising:
        return (step + 1) / rising
    progress = (step - rising) / max(1, steps - rising)
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
