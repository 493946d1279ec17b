"""What the tests of training share: a recipe over features, and processes to run it in."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections.abc import Sequence
from importlib import import_module
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor

from isthmus.training.features import Features

STEPS = 12


class Noisy:
    """Items with noise of all three generators that a user's code may draw from."""

    def __init__(self, items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        batch: dict[str, Tensor] = self.items.take(rows)
        batch["image"] = batch["image"] * (1 + 0.1 * random.random() + 0.1 * np.random.rand())  # noqa: NPY002
        batch["text"] = batch["text"] + 0.1 * torch.randn_like(batch["text"])
        return batch


class NoisyFeatures(Features):
    """Augmented features: a data class of one's own."""

    def __init__(self, *, source: str, seed: int = 0) -> None:
        super().__init__(source=source, held_out=0.2, seed=seed)
        self.train = Noisy(self.train)


def features(folder: Path, *, rows: int = 60) -> Path:
    """Image and text features of different widths with something in common, and classes."""
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(rows, 4))
    folder.mkdir(parents=True, exist_ok=True)
    for name, width in (("image", 7), ("text", 5)):
        values = shared @ rng.normal(size=(4, width)) + 0.1 * rng.normal(size=(rows, width))
        np.save(folder / f"{name}.npy", values.astype(np.float32))
        np.save(folder / f"{name}.labels.npy", np.arange(rows) % 3)
    return folder


def recipe(folder: Path, *, data: str = "Features", dropout: float = 0.0, **trainer: Any) -> Path:
    """A recipe over `features`, with a learned temperature and scheduled weights."""
    tree = {
        "data": {"class": data, "source": str(features(folder / "features"))},
        "towers": {
            "dimension": 4,
            "image": {"class": "MLP", "width": 8, "dropout": dropout},
            "text": "Linear",
        },
        "objective": {
            "class": "CloseGap",
            "learnable": True,
            "align_weight": {"class": "Piecewise", "points": [[0.2, 1.0], [1.0, 3.0]]},
        },
        "trainer": {
            "steps": STEPS,
            "batch_size": 10,
            "accelerator": "cpu",
            "checkpoint_every": 3,
            "log_every": 1,
            **trainer,
        },
        "monitor": {"every": 4},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def start(target: Any, *arguments: Any, environment: dict[str, str] | None = None) -> BaseProcess:
    """A process of its own that has imported everything already."""
    process = _context().Process(target=_main, args=(target, arguments, environment or {}))
    process.start()
    return process


def finish(process: BaseProcess) -> int | None:
    process.join(120)
    if process.is_alive():
        process.kill()
    return process.exitcode


def train(
    path: Path,
    out: Path,
    *,
    resume: bool = False,
    overrides: Sequence[str] = (),
    kill_at: int | None = None,
    kill_in_write: int | None = None,
) -> None:
    """Run a recipe in this process, which may have to die on the way."""
    from isthmus import files
    from isthmus.training.recipe import Recipe
    from isthmus.training.run import run

    fit = import_module("isthmus.training.fit")
    torch.set_num_threads(1)
    seed_step, replace, writes = fit.seed_step, os.replace, 0

    def die_at_a_step(seed: int, rank: int, step: int, use: str) -> None:
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        seed_step(seed, rank, step, use)

    def die_before_a_file_is_in_place(source: Any, target: Any) -> None:
        nonlocal writes
        writes += str(target).endswith(".ckpt")
        if writes == kill_in_write:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    vars(fit)["seed_step"] = die_at_a_step
    files.os.replace = die_before_a_file_is_in_place
    run(Recipe.load(path, overrides), out, resume=resume)


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["isthmus.training.run", "tests.training.support"])
    return context


def _main(target: Any, arguments: tuple[Any, ...], environment: dict[str, str]) -> None:
    os.environ.update(environment)
    target(*arguments[:-1], **arguments[-1])
