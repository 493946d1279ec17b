"""A progress bar that counts steps: loss, temperature if there is one, and time left."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)


class StepProgress(Callback):
    """Shows one run as one line; it stays on the terminal when the run ends."""

    def __init__(self, title: str, console: Console) -> None:
        self._progress = Progress(
            TextColumn(f"{title:<28}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[now]}"),
            TimeRemainingColumn(),
            console=console,
        )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar as far as the run is."""
        self._task = self._progress.add_task("", total=trainer.max_steps, now="")
        self._progress.update(self._task, completed=trainer.global_step)
        self._progress.start()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Advance by one step."""
        now = f"loss {float(outputs['loss']):6.3f}"
        if (temperature := getattr(pl_module, "temperature", None)) is not None:
            now += f"  τ {temperature:.4f}"
        self._progress.update(self._task, advance=1, now=now)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave the bar as it stands, also after an error."""
        self._progress.stop()
