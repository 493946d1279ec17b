"""A recipe from start to end: data, training or its continuation, embeddings, measurement."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import seed_everything
from rich.console import Console
from torch import nn

from ..embeddings import Embeddings
from ..errors import InputError
from ..metrics.measure import measure
from ..metrics.measurement import Measurement
from ..models import FUSED
from ..models.batch_norm import BatchNorm, BatchNormMap
from ..readers import write_embeddings
from .alarms import TrainingAlarm
from .batch_keys import Parts
from .batches import Batches
from .callbacks import callbacks
from .checkpoint import latest, load_weights, remove_unfinished, save_weights
from .data import Data
from .fit import quiet, run_steps
from .model_plan import Model
from .module import ContrastiveModule
from .recipe import Recipe, Trainer
from .run_folder import CHECKPOINTS, EMBEDDINGS, WEIGHTS, check_folder, save_recipe


def run(
    recipe: Recipe, out: Path | str, *, resume: bool = False, console: Console | None = None
) -> Measurement | None:
    """Train as a recipe says, as `train` does, and measure the held-out part."""
    space = train(recipe, out, resume=resume, console=console)
    return None if space is None else measure(space, seed=recipe.trainer.seed)


def train(
    recipe: Recipe, out: Path | str, *, resume: bool = False, console: Console | None = None
) -> Embeddings | None:
    """Train as a recipe says; the held-out part in the shared space.

    `out` receives `recipe.yaml` (all of it, defaults filled in), `checkpoints/`,
    `weights.safetensors` (of the model; with `keep_every`, those of earlier steps in `weights/`),
    `metrics.csv`, and `embeddings/`, the held-out part, which `isthmus measure` reads. With
    `resume`, the run in `out` goes on from its newest readable checkpoint, or starts if there is
    none.

    Returns None where nothing is held out, and on all ranks but the first.

    Raises
    ------
    InputError
        `out` is not empty and `resume` is not asked for; it holds a run of another recipe;
        whatever the recipe, its data or its classes are refused for.
    """
    folder = Path(out)
    first = _is_first()
    console = console if first else None
    say: Callable[[str], None] = _nothing if console is None else _sayer(console)
    if first:
        check_folder(folder, resume=resume)
    data, model, batches = _prepare(recipe)
    if first:
        save_recipe(folder, recipe.plain(model), resume=resume)
        remove_unfinished(folder / CHECKPOINTS)
    found = latest(folder / CHECKPOINTS, say=say) if resume else None
    if resume:
        say("No checkpoint yet: from the start" if found is None else f"From step {found.step:,}")
    with recipe.naming(), _alarms(say), _interrupted(say):
        module = run_steps(
            lambda: _build(recipe, model, batches),
            batches,
            steps=recipe.trainer.steps,
            seed=recipe.trainer.seed,
            callbacks=callbacks(recipe, data, folder, found),
            options=_options(recipe.trainer),
            title=recipe.title,
            console=console,
            resume=found,
        )
    return _finish(module, data, folder) if first else None


def untrained(recipe: Recipe) -> Embeddings:
    """The held-out part in the space that training starts from."""
    data, model, batches = _prepare(recipe)
    with recipe.naming(), quiet():
        seed_everything(recipe.trainer.seed, verbose=False)
        return data.embed(_build(recipe, model, batches).towers)


def _prepare(recipe: Recipe) -> tuple[Data, Model, Batches]:
    """What a recipe trains on, what, and in which batches; all that can be refused is."""
    with recipe.naming():
        recipe.objective.make()
        recipe.optimiser.make([nn.Parameter(torch.zeros(1))])
        data: Data = recipe.data.make()
        return data, recipe.model.for_data(data), _batches(recipe, data)


def _is_first() -> bool:
    """Whether this is the first of all processes, before any of them has met the others."""
    if "RANK" in os.environ:
        return os.environ["RANK"] == "0"
    names = ("SLURM_PROCID", "NODE_RANK", "GROUP_RANK", "LOCAL_RANK")
    return all(os.environ.get(name, "0") == "0" for name in names)


def _build(recipe: Recipe, model: Model, batches: Batches) -> ContrastiveModule:
    rate = recipe.optimiser.arguments.get("lr")
    decay = recipe.optimiser.arguments.get("weight_decay")
    towers = model.make()
    if recipe.start is not None:
        load_weights(towers, Path(recipe.start))
    module = ContrastiveModule(
        towers,
        recipe.objective.make(),
        learning_rate=1e-3 if rate is None else rate,
        temperature_learning_rate=recipe.objective_lr,
        weight_decay=decay or 0.0,
        optimiser=recipe.optimiser.make,
        schedule=recipe.schedule.make(),
        chunk=recipe.trainer.chunk,
        gradient_clip=recipe.trainer.gradient_clip,
    )
    with_batch = [
        part for part in module.towers.modules() if isinstance(part, BatchNorm | BatchNormMap)
    ]
    if recipe.trainer.chunk is not None and with_batch:
        raise InputError(
            "trainer.chunk: batch normalisation looks at the whole batch, not at a chunk of it; "
            "leave chunk out, or take norm=layer of a projector and norm=group of encoders"
        )
    _rehearse(module, batches, recipe.model.section)
    return module


def _rehearse(module: ContrastiveModule, batches: Batches, section: str) -> None:
    """One small batch through model and objective: what does not fit is said before training."""
    parts = Parts.of({name: x[:4] for name, x in batches.at(0).items()})
    module.eval()
    with torch.no_grad():
        try:
            embeddings = module.towers(parts.inputs)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise InputError(f"{section}: an encoder does not take its data: {error}") from error
        try:
            module.objective(embeddings, **parts.known)
        except (RuntimeError, ValueError, TypeError) as error:
            unfused = FUSED not in embeddings and f"'{FUSED}'" in str(error)
            hint = "; a recipe gives them with 'fusion:' in place of 'towers:'" if unfused else ""
            raise InputError(f"objective: {error}{hint}") from error
    module.train()


def _batches(recipe: Recipe, data: Data) -> Batches:
    size, items = recipe.trainer.batch_size, len(data.train)
    if size > items:
        raise InputError(
            f"trainer.batch_size: must be at most {items}, the items to train on; found {size}"
        )
    return Batches(data.train, batch_size=size, seed=recipe.trainer.seed)


def _options(trainer: Trainer) -> dict[str, Any]:
    """For Lightning; under torchrun, its processes are the devices."""
    devices, nodes = trainer.devices, trainer.nodes
    if devices == "auto" and "TORCHELASTIC_RUN_ID" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    return {
        "accelerator": trainer.accelerator,
        "devices": devices,
        "num_nodes": nodes,
        "strategy": trainer.strategy,
        "precision": trainer.precision,
    }


def _finish(module: ContrastiveModule, data: Data, folder: Path) -> Embeddings | None:
    save_weights(module.towers, folder / WEIGHTS)
    if not data.held_out:
        return None
    space = data.embed(module.towers)
    write_embeddings(folder / EMBEDDINGS, space)
    return space


@contextmanager
def _alarms(say: Callable[[str], None]) -> Iterator[None]:
    """The monitor's alarms as lines on the terminal."""
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(message: Any, category: Any, *rest: Any, **named: Any) -> None:
            if issubclass(category, TrainingAlarm):
                say(f"! {message}")
            else:
                shown(message, category, *rest, **named)

        warnings.simplefilter("always", TrainingAlarm)
        warnings.showwarning = show
        yield


@contextmanager
def _interrupted(say: Callable[[str], None]) -> Iterator[None]:
    """Ctrl-C, which Lightning turns into an exit, says how to go on."""
    try:
        yield
    except (SystemExit, KeyboardInterrupt):
        say("Interrupted: the same command with --resume goes on from the last checkpoint")
        raise


def _sayer(console: Console) -> Callable[[str], None]:
    return lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True)


def _nothing(text: str) -> None:
    """Nobody listens."""
