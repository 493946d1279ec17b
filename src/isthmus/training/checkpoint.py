"""Checkpoints that survive a crash: written whole or not at all, checked before they are used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from ..errors import InputError
from ..files import atomic_write
from .module import ContrastiveModule

ENDING = ".ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoints, appearing whole or not at all; read without running code."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write to a temporary file, make sure that it is on the disk, and move it into place."""
        with durable_write(Path(path)) as temporary:
            torch.save(checkpoint, temporary)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Tensors, numbers and names alone, on the host."""
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return found


class Checkpoints(Callback):
    """Writes a checkpoint every so many steps and after the last.

    Parameters
    ----------
    path:
        From a step to the file of its checkpoint.
    weights:
        File of the towers' weights as safetensors, written anew with each checkpoint.
    every:
        Steps between two; only the last one if not given.
    keep:
        How many of the newest stay, of those in the folder.
    """

    def __init__(
        self,
        path: Callable[[int], Path],
        *,
        weights: Path,
        every: int | None = None,
        keep: int | None = None,
    ) -> None:
        self._path = path
        self._weights = weights
        self._every = every
        self._keep = keep

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write, where it is time to."""
        step = trainer.global_step
        if step == trainer.max_steps or (self._every and step % self._every == 0):
            assert isinstance(pl_module, ContrastiveModule)
            path = self._path(step)
            trainer.save_checkpoint(path)
            if trainer.is_global_zero:
                save_weights(pl_module.towers, self._weights)
                if self._keep is not None:
                    for old in checkpoints(path.parent)[self._keep :]:
                        old.unlink()


class KeptWeights(Callback):
    """Keeps the towers' weights of every so many steps, each in a file of its own in a folder."""

    def __init__(self, folder: Path, *, every: int) -> None:
        self._folder = folder
        self._every = every

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write, where it is time to."""
        step = trainer.global_step
        if trainer.is_global_zero and step % self._every == 0:
            assert isinstance(pl_module, ContrastiveModule)
            save_weights(pl_module.towers, self._folder / f"step-{step:09d}.safetensors")


def kept_weights(folder: Path) -> dict[int, Path]:
    """Step → file of the weights that were kept, in order."""
    return {int(path.stem[5:]): path for path in sorted(folder.glob("step-*.safetensors"))}


@dataclass(frozen=True)
class Found:
    """A checkpoint that can be read."""

    path: Path
    step: int


def step_path(folder: Path) -> Callable[[int], Path]:
    """Names for the checkpoints of a run, which sort by their steps."""
    return lambda step: folder / f"step-{step:09d}{ENDING}"


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, the newest first."""
    return sorted(folder.glob(f"step-*{ENDING}"), reverse=True)


def latest(folder: Path, *, say: Callable[[str], None]) -> Found | None:
    """The newest checkpoint that can be read; None if there is none at all.

    Those that cannot be read are named through `say`.

    Raises
    ------
    InputError
        None of the checkpoints can be read.
    """
    paths = checkpoints(folder)
    for path in paths:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            return Found(path, int(state["global_step"]))
        except Exception as error:  # torch raises almost anything on a damaged file
            reason = " ".join(str(error).split())[:120]
            say(f"{path} cannot be read ({type(error).__name__}: {reason}); trying an older one")
    if paths:
        raise InputError(
            f"no checkpoint in {folder} can be read: remove the folder of the run to start anew"
        )
    return None


def remove_unfinished(folder: Path) -> None:
    """Delete what a process that was killed while it wrote has left behind."""
    for path in folder.glob(f".step-*{ENDING}"):
        path.unlink()


def save_weights(module: nn.Module, path: Path) -> None:
    """A module's parameters and buffers as safetensors, written atomically."""
    from safetensors.torch import save_file

    state = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
    with durable_write(path) as temporary:
        save_file(state, temporary)


def load_weights(module: nn.Module, path: Path) -> None:
    """Take over what `save_weights` has written of a module of the same make.

    Raises
    ------
    InputError
        A file that is not there or cannot be read; weights of something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"start: cannot read weights from {path} ({reason})") from error
    own = {name: tuple(x.shape) for name, x in module.state_dict().items()}
    given = {name: tuple(x.shape) for name, x in found.items()}
    for name in [*own, *given]:
        if own.get(name) != given.get(name):
            raise InputError(
                f"start: {path} does not fit the model: '{name}' has shape "
                f"{given.get(name, 'none')} there and {own.get(name, 'none')} in the model; both "
                "runs need the same sections data and towers or fusion"
            )
    module.load_state_dict(found)


@contextmanager
def durable_write(path: Path) -> Iterator[Path]:
    """`atomic_write` that outlasts a loss of power: file and folder are synchronised."""
    with atomic_write(path) as temporary:
        yield temporary
        _synchronise(temporary)
    _synchronise(path.parent)


def _synchronise(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
