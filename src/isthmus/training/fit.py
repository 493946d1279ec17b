"""One training run with Lightning: progress bar, checkpoint, monitor, no noise."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from rich.console import Console
from torch import nn

from ..files import atomic_write
from .batches import Batches
from .module import ContrastiveModule
from .progress import StepProgress


def fit(
    build: Callable[[], ContrastiveModule],
    batches: Batches,
    *,
    steps: int,
    seed: int,
    folder: Path,
    name: str,
    callbacks: Sequence[Callback] = (),
    accelerator: str = "cpu",
    title: str | None = None,
    console: Console | None = None,
) -> ContrastiveModule:
    """Build a module under the seed, train it for `steps` batches, and checkpoint it.

    `folder` receives `NAME.ckpt`, with which Lightning resumes, and `NAME.safetensors`, the
    weights of the towers. With a `console`, a progress bar is shown under `title`.
    """
    with _quiet():
        seed_everything(seed, verbose=False)
        module = build()
        checkpoint = ModelCheckpoint(
            folder, filename=name, every_n_train_steps=steps, enable_version_counter=False
        )
        shown: list[Callback] = [] if console is None else [StepProgress(title or name, console)]
        trainer = Trainer(
            accelerator=accelerator,
            devices=1,
            max_steps=steps,
            callbacks=[*callbacks, checkpoint, *shown],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, batches)
    save_weights(module.towers, folder / f"{name}.safetensors")
    return module


def save_weights(module: nn.Module, path: Path) -> None:
    """A module's parameters and buffers as safetensors, written atomically."""
    from safetensors.torch import save_file

    state = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
    with atomic_write(path) as temporary:
        save_file(state, temporary)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's start-up lines and its advice about small runs."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning.*")
        warnings.filterwarnings("ignore", module="torch.*", category=DeprecationWarning)
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
