"""What happens to the gap during training."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from ..embeddings import Embeddings
from ..errors import InputError
from ..objectives import Temperature
from .alarms import TrainingAlarm, find_alarms
from .embed import looking_on
from .monitor_metrics import SAMPLE, held_out_metrics

CONTRAST = "info_nce"
"""Name of the term whose value at equal scores is known."""


class GapMonitor(Callback):
    """Measures held-out data during training, logs it, and warns when nothing good can come.

    Before training, every so many steps and at the end: `held_out_metrics` at the temperature
    as it stands. Every logger of the Trainer gets them as `monitor/NAME`. A `TrainingAlarm` is
    warned of once for each cause (`isthmus.training.find_alarms` lists them) when the loss stays
    that of equal scores, embeddings collapse, the temperature sits on its bound, or embeddings
    can no longer be measured, say for NaN.

    Training goes on as it would without: random states and modes of all submodules are put
    back, no gradient is taken. Of several ranks the first measures, without any exchange; the
    others wait for it in their next step, so keep the held-out data to some thousands of rows.

    Parameters
    ----------
    embed:
        From the towers (the module itself if it has none), as they stand, to the held-out
        embeddings. They are in evaluation mode, and no graph is recorded.
    every:
        Steps between two measurements.
    sample, seed:
        As in `held_out_metrics`.

    Attributes
    ----------
    history:
        One record per measurement: `step`, `loss` (of the last batch; None before the first),
        `temperature` (None if there is none), `loss_at_chance` (the logarithm of the batch of
        all ranks) and the term `info_nce` where they are known, the numbers of
        `held_out_metrics`, and `alarms`, the causes that hold. Checkpoints keep it.

    Raises
    ------
    InputError
        A model that is sharded over ranks, which no single rank can run; `every` below 1; before
        training, whatever `embed` raises.

    Examples
    --------
    >>> monitor = GapMonitor(lambda towers: embed(towers, held_out), every=100)
    >>> monitor.history
    []
    """

    def __init__(
        self,
        embed: Callable[[nn.Module], Embeddings],
        *,
        every: int = 20,
        sample: int | None = SAMPLE,
        seed: int = 0,
    ) -> None:
        if every < 1:
            raise InputError(f"steps between two measurements must be at least 1; found {every}")
        self._embed = embed
        self._every = every
        self._sample = sample
        self._seed = seed
        self._loss: Any = None
        self._rows: int | None = None
        self.history: list[dict[str, Any]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the model before its first step."""
        if isinstance(trainer.strategy, FSDPStrategy | ModelParallelStrategy):
            raise InputError(
                "GapMonitor measures on one rank, but this strategy shards the model over all of "
                "them: train with ddp, or measure its checkpoints"
            )
        self._loss = self._rows = None
        if not self.history or self.history[-1]["step"] > trainer.global_step:  # not resumed
            self._record(trainer, pl_module)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Measure after every `every`-th step, and before the checkpoint of the last one."""
        self._loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        self._rows = _rows(batch)
        if trainer.global_step % self._every == 0 or trainer.global_step == trainer.max_steps:
            self._record(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure after the last step, wherever it was."""
        self._record(trainer, pl_module)

    def state_dict(self) -> dict[str, Any]:
        """The history, for checkpoints."""
        return {"history": list(self.history)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The history of the run that goes on."""
        self.history = list(state_dict["history"])

    def _record(self, trainer: Trainer, module: LightningModule) -> None:
        step = trainer.global_step
        if not trainer.is_global_zero or (self.history and self.history[-1]["step"] == step):
            return
        temperature = getattr(module, "temperature", None)
        record = {"step": step, **self._losses(trainer), "temperature": temperature}
        measured: dict[str, float] = {}
        dimension = None
        with isolate_rng(), looking_on(towers := getattr(module, "towers", module)):
            try:
                space = self._embed(towers)
                measured = held_out_metrics(
                    space, temperature=temperature, sample=self._sample, seed=self._seed
                )
                dimension = space.dimension
            except InputError as error:
                if record["loss"] is None:
                    raise
                record["error"] = str(error)
        record |= measured
        self.history.append(record)
        self._raise_alarms(trainer, module, dimension)
        if temperature is not None:
            measured["temperature"] = temperature
        for logger in trainer.loggers:
            logger.log_metrics({f"monitor/{k}": v for k, v in measured.items()}, step)

    def _losses(self, trainer: Trainer) -> dict[str, float | None]:
        """The loss of the last batch, its contrast, and what that is if all scores are equal."""
        logged = trainer.callback_metrics
        loss = logged.get("loss") if self._loss is None and self._rows is not None else self._loss
        found: dict[str, float | None] = {"loss": None if loss is None else float(loss)}
        if loss is not None and CONTRAST in logged:
            found[CONTRAST] = float(logged[CONTRAST])
        if loss is not None and self._rows is not None:
            found["loss_at_chance"] = math.log(self._rows * trainer.world_size)
        return found

    def _raise_alarms(
        self, trainer: Trainer, module: LightningModule, dimension: int | None
    ) -> None:
        total = trainer.estimated_stepping_batches
        found = find_alarms(
            self.history,
            steps=int(total) if math.isfinite(total) else None,
            dimension=dimension,
            temperature_bounds=_bounds(module),
        )
        known = {cause for record in self.history[:-1] for cause in record["alarms"]}
        self.history[-1]["alarms"] = list(found)
        for cause, sentence in found.items():
            if cause not in known:
                warnings.warn(sentence, TrainingAlarm, stacklevel=1)


def _rows(batch: Any) -> int | None:
    """Rows of a batch of whatever form: those of its first tensor."""
    tensors = (leaf for leaf in tree_leaves(batch) if isinstance(leaf, Tensor) and leaf.ndim)
    return next((len(tensor) for tensor in tensors), None)


def _bounds(module: nn.Module) -> tuple[float, float] | None:
    """Of the first temperature inside, if it is learned: that is `Objective.temperature`."""
    first = next((part for part in module.modules() if isinstance(part, Temperature)), None)
    return None if first is None or first.log_scale is None else first.bounds
