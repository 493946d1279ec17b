"""What a run does beside training: measures, writes numbers, keeps checkpoints and weights."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Callback

from .checkpoint import Checkpoints, Found, KeptWeights, step_path
from .data import Data
from .metrics_file import MetricsFile
from .monitor import GapMonitor
from .recipe import Recipe
from .run_folder import CHECKPOINTS, KEPT, METRICS, WEIGHTS


def callbacks(recipe: Recipe, data: Data, folder: Path, found: Found | None) -> list[Callback]:
    """Those that a recipe asks for, in their order, of a run that goes on from `found`."""
    measured: list[Callback] = []
    monitor = None
    if recipe.monitor.every is not None and data.held_out:
        monitor = GapMonitor(data.embed, every=recipe.monitor.every)
        measured = [monitor]
    keep = recipe.trainer.keep_every
    kept = [] if keep is None else [KeptWeights(folder / KEPT, every=keep)]
    return [
        *measured,
        *kept,
        MetricsFile(
            folder / METRICS,
            every=recipe.trainer.log_every,
            write_every=recipe.trainer.checkpoint_every,
            monitor=monitor,
            start=0 if found is None else found.step,
        ),
        Checkpoints(
            step_path(folder / CHECKPOINTS),
            weights=folder / WEIGHTS,
            every=recipe.trainer.checkpoint_every,
            keep=2,
        ),
    ]
