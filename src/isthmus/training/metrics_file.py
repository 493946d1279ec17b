"""metrics.csv: loss, terms, rates and measurements by step, complete up to every checkpoint."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from ..files import atomic_write
from .module import ContrastiveModule
from .monitor import GapMonitor


class MetricsFile(Callback):
    """Collects the numbers of a run, and writes them with every checkpoint and at the end.

    One row per logged step: the loss and its terms, temperature, learning rate; and, where the
    monitor measured, its numbers. A run that is resumed at a step keeps the rows up to it. Place
    it before the checkpoints, so that none is on the disk without its numbers.

    Parameters
    ----------
    path:
        The file.
    every, write_every:
        Steps between two rows, and between two writes.
    monitor:
        Whose measurements to take up.
    start:
        The step at which the run goes on.
    """

    def __init__(
        self, path: Path, *, every: int, write_every: int, monitor: GapMonitor | None, start: int
    ) -> None:
        self._path = path
        self._every = every
        self._write_every = write_every
        self._monitor = monitor
        self._names: dict[str, None] = {}
        self._rows: dict[int, dict[str, str]] = {}
        if start and path.exists():
            self._read(start)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Take up the step."""
        assert isinstance(pl_module, ContrastiveModule)
        step, last = trainer.global_step, trainer.global_step == trainer.max_steps
        if step % self._every == 0 or step == 1 or last:
            numbers = dict(pl_module.terms)
            if pl_module.temperature is not None:
                numbers["temperature"] = pl_module.temperature
            numbers["lr"] = trainer.optimizers[0].param_groups[0]["lr"]
            self._add(step, numbers)
        if step % self._write_every == 0:
            self._write(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write all of it."""
        self._write(trainer)

    def _add(self, step: int, numbers: dict[str, Any]) -> None:
        row = self._rows.setdefault(step, {})
        for name, value in numbers.items():
            if isinstance(value, int | float):
                row.setdefault(name, repr(float(value)))
                self._names[name] = None

    def _write(self, trainer: Trainer) -> None:
        if not trainer.is_global_zero:
            return
        for record in [] if self._monitor is None else self._monitor.history:
            self._add(record["step"], {k: v for k, v in record.items() if k != "step"})
        with (
            atomic_write(self._path) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, ["step", *self._names], lineterminator="\n")
            writer.writeheader()
            for step in sorted(self._rows):
                writer.writerow({"step": step, **self._rows[step]})

    def _read(self, stop: int) -> None:
        """The rows up to a step, of the run that goes on."""
        with self._path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            self._names = dict.fromkeys((reader.fieldnames or ["step"])[1:])
            for row in reader:
                if (step := int(row.pop("step"))) <= stop:
                    self._rows[step] = {name: value for name, value in row.items() if value}
