"""The folder of a run: what lies in it, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import atomic_write, check_writable
from .recipe import to_yaml
from .yaml_file import read_yaml

RECIPE, METRICS, WEIGHTS = "recipe.yaml", "metrics.csv", "weights.safetensors"
EMBEDDINGS, CHECKPOINTS, KEPT = "embeddings", "checkpoints", "weights"

FREE = {
    *("trainer.accelerator", "trainer.devices", "trainer.nodes", "trainer.strategy"),
    *("trainer.checkpoint_every", "trainer.keep_every", "trainer.log_every", "monitor.every"),
    *("data.root", "data.download", "data.workers"),
}
"""Keys that may differ when a run is resumed."""


def check_folder(folder: Path, *, resume: bool) -> None:
    """An error if the folder holds something else than the run that is to be resumed."""
    if folder.is_dir() and any(folder.iterdir()):
        if not resume:
            raise InputError(
                f"the folder {folder} is not empty: --resume goes on with the run in it, --out "
                "names another folder"
            )
        if not (folder / RECIPE).exists():
            raise InputError(f"there is no run in {folder} to resume: it has no {RECIPE}")


def save_recipe(folder: Path, tree: Mapping[str, Any], *, resume: bool) -> None:
    """Write the recipe of a run; an error if the run that is resumed has another."""
    path = check_writable(folder) / RECIPE
    if resume and path.exists():
        before, now = _flat(read_yaml(path)), _flat(tree)
        for key in [*before, *now]:
            if key not in FREE and before.get(key) != now.get(key):
                raise InputError(
                    f"{key}: the run in {folder} has {before.get(key)}, found {now.get(key)}; "
                    f"resume with its own {path}, or start anew in another --out"
                )
        return
    with atomic_write(path) as temporary:
        temporary.write_text(to_yaml(tree), encoding="utf-8")


def _flat(tree: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{at}{key}.")
        else:
            found[f"{at}{key}"] = value
    return found
