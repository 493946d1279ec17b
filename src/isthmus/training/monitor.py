"""What happens to the gap during training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from ..embeddings import Embeddings
from ..metrics.gap import l2m
from .module import ContrastiveModule


class GapMonitor(Callback):
    """Records loss, temperature and the gap on held-out data every so many steps.

    Parameters
    ----------
    embed:
        From the towers, as they stand, to the held-out embeddings.
    every:
        Steps between two measurements; the first one is before training.

    Attributes
    ----------
    history:
        One record per measurement: `step`, `loss` (of the last batch; None at step 0),
        `temperature`, and `l2m a–b` per pair of modalities.
    """

    def __init__(self, embed: Callable[[nn.Module], Embeddings], *, every: int = 20) -> None:
        self._embed = embed
        self._every = every
        self.history: list[dict[str, Any]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the untrained model."""
        self._record(trainer, pl_module, loss=None)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Measure after every `every`-th step and after the last."""
        step = trainer.global_step
        if step % self._every == 0 or step == trainer.max_steps:
            loss: Tensor = outputs["loss"]
            self._record(trainer, pl_module, loss=float(loss))

    def _record(self, trainer: Trainer, module: LightningModule, *, loss: float | None) -> None:
        assert isinstance(module, ContrastiveModule)
        embeddings = self._embed(module.towers)
        gaps = {f"l2m {a}–{b}": l2m(embeddings[a], embeddings[b]) for a, b in embeddings.pairs}
        self.history.append(
            {
                "step": trainer.global_step,
                "loss": loss,
                "temperature": module.temperature,
                **gaps,
            }
        )
