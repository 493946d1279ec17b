"""The Lightning module: any towers or fusion model, any objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import InputError
from ..objectives import CachedStep, Objective, Terms
from .batch_keys import Parts


class ContrastiveModule(LightningModule):
    """Train towers, or a fusion model, with an objective.

    AdamW with a linear warm-up and a cosine decay to zero, unless others are given. Weights decay:
    gains and biases, which have one dimension, do not. Parameters of the objective, such as a
    learnable temperature, do not either, and have a learning rate of their own: at the weights'
    rate a temperature hardly moves within a short run.

    Parameters
    ----------
    towers:
        A batch (name → tensor) to name → (B, D) embeddings: `Towers`, `Fusion`, or your own.
    objective:
        Embeddings and groups to `Terms`. Its schedules are set before every step.
    learning_rate, temperature_learning_rate:
        Peak rates of the towers' and the objective's parameters.
    weight_decay:
        Of the towers' parameters of two dimensions or more.
    warm_up:
        Share of the steps over which the rates rise.
    optimiser:
        From groups of parameters to an optimiser; AdamW with β = (0.9, 0.98) if not given.
    schedule:
        From a step and the number of steps to a factor on the rates, instead of `warm_up`.
    chunk:
        Items that are embedded at a time, see `CachedStep`; a whole batch if not given.
    gradient_clip:
        Largest norm of the gradient of all parameters.

    Attributes
    ----------
    terms:
        The loss and its terms at the last step, as plain numbers.
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
        optimiser: Callable[[list[dict[str, Any]]], Optimizer] | None = None,
        schedule: Callable[[int, int], float] | None = None,
        chunk: int | None = None,
        gradient_clip: float | None = None,
    ) -> None:
        super().__init__()
        self.towers = towers
        self.objective = objective
        self.learning_rate = learning_rate
        self.temperature_learning_rate = temperature_learning_rate
        self.weight_decay = weight_decay
        self.chunk = chunk
        self.gradient_clip = gradient_clip
        self.automatic_optimization = chunk is None
        self.terms: dict[str, float] = {}
        self._optimiser = optimiser or (lambda groups: torch.optim.AdamW(groups, betas=(0.9, 0.98)))
        self._schedule = schedule or WarmUpCosine(warm_up)

    @property
    def temperature(self) -> float | None:
        """The objective's temperature, if it has one."""
        return getattr(self.objective, "temperature", None)

    def training_step(self, batch: Mapping[str, Tensor], _index: int) -> Tensor:
        """The loss of one batch; its terms are logged."""
        if isinstance(self.objective, Objective):
            self.objective.at(self.global_step / self.trainer.max_steps)
        parts = Parts.of(batch)
        if self.chunk is None:
            embeddings = self.towers(parts.inputs)
            terms: Terms = self.objective(embeddings, **parts.known)
            self._keep(terms)
        else:
            terms = self._step_in_chunks(parts, self.chunk)
        self.log_dict(self.terms)
        return terms.total

    def _step_in_chunks(self, parts: Parts, chunk: int) -> Terms:
        optimiser, schedule = self.optimizers(), self.lr_schedulers()
        assert isinstance(self.objective, Objective)
        assert not isinstance(optimiser, list)
        step = CachedStep(self.towers, self.objective, chunk=chunk)
        optimiser.zero_grad()
        terms = step(
            parts.inputs,
            **parts.known,
            scale=lambda loss: self.trainer.precision_plugin.pre_backward(loss, self),
        )
        self._keep(terms)
        optimiser.step()
        schedule.step()  # type: ignore[union-attr]
        return terms

    def _keep(self, terms: Terms) -> None:
        self.terms = terms.floats()
        if bad := [name for name, value in self.terms.items() if not math.isfinite(value)]:
            raise InputError(
                f"'{bad[0]}' is {self.terms[bad[0]]} at step {self.global_step + 1}: lower the "
                "learning rate, or look for NaN and infinity in the data"
            )

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip the gradient, if asked to."""
        if self.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.parameters(), self.gradient_clip)

    def configure_optimizers(self) -> Any:
        """The optimiser over weights, gains and biases, and parameters of the objective.

        It is stepped by the schedule every batch.
        """
        trained = [p for p in self.towers.parameters() if p.requires_grad]
        groups = [
            {"params": params, "lr": rate, "weight_decay": decay}
            for params, rate, decay in (
                ([p for p in trained if p.ndim > 1], self.learning_rate, self.weight_decay),
                ([p for p in trained if p.ndim <= 1], self.learning_rate, 0.0),
                (list(self.objective.parameters()), self.temperature_learning_rate, 0.0),
            )
            if params
        ]
        optimizer = self._optimiser(groups)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: self._schedule(step, steps)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


@dataclass(frozen=True)
class WarmUpCosine:
    """Rates rise over a share of the steps, then fall to zero along half a cosine."""

    warm_up: float = 0.1

    def __post_init__(self) -> None:
        _check_share(self.warm_up)

    def __call__(self, step: int, steps: int) -> float:
        """The factor on the rates."""
        return warm_up_cosine(step, steps, self.warm_up)


@dataclass(frozen=True)
class WarmUpConstant:
    """Rates rise over a share of the steps, then stay."""

    warm_up: float = 0.0

    def __post_init__(self) -> None:
        _check_share(self.warm_up)

    def __call__(self, step: int, steps: int) -> float:
        """The factor on the rates."""
        return min(1.0, (step + 1) / max(1, round(self.warm_up * steps)))


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


def _check_share(warm_up: float) -> None:
    if not 0 <= warm_up <= 1:
        raise ValueError(f"warm_up is a share of the steps, from 0 to 1; found {warm_up}")
