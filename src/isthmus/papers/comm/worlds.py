"""Worlds of known information and the methods that are trained on them, as cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...datasets.information_world import SUITES, InformationWorld
from ..cell import Cell
from ..setting import Scale, Setting
from .methods import CMC, COMM, FACTOR_CL, METHODS, Method
from .world_probes import NUMBERS, measured

TRIFEATURE, CONTROL = "trifeature", "trifeature, unbiased"
THREE = "three modalities"

WORLDS: Mapping[str, InformationWorld] = {**SUITES, CONTROL: SUITES[TRIFEATURE]}
"""Name → world. Training on `TRIFEATURE` is biased, on all others it is not."""

CMC_THREE, COMM_TWO = "CMC", f"{COMM} of two"

OF_THREE: Mapping[str, Method] = {CMC_THREE: CMC, COMM_TWO: METHODS[COMM]}
"""What is trained on a world of three modalities beside the methods; the last without the third."""


@dataclass(frozen=True)
class Size:
    """Of a scale: rows, steps, steps for the ten values of Trifeature, batch, width of encoders.

    `counted` is the number of rows whose symbols are counted and probed.
    """

    rows: int
    probe: int
    held_out: int
    counted: int
    steps: int
    trifeature_steps: int
    batch_size: int
    width: int


SIZES: Mapping[Scale, Size] = {
    "quick": Size(256, 200, 100, 200, 4, 4, 32, 32),
    "cpu": Size(8000, 4000, 2000, 10_000, 600, 1500, 128, 128),
}


def row_of(world: str, method: str) -> str:
    """Where the numbers go."""
    return f"{world}: {method}"


def methods_of(world: str) -> Sequence[str]:
    """What a world is for: FactorCL has two modalities, CMC three; the control is CoMM's."""
    if world == CONTROL:
        return (COMM,)
    if len(WORLDS[world].unique) == 2:
        return tuple(METHODS)
    return [*(method for method in METHODS if method != FACTOR_CL), *OF_THREE]


def cells_of(setting: Setting) -> list[Cell]:
    """Every method on every world at every seed."""
    return [
        cell(name, method, seed, SIZES[setting.scale])
        for name in WORLDS
        for method in methods_of(name)
        for seed in setting.each_seed
    ]


def cell(name: str, row: str, seed: int, size: Size) -> Cell:
    """A training of one method on one world, whose maps are drawn from the seed too."""
    world, method = WORLDS[name], {**METHODS, **OF_THREE}[row]
    seen = world.modalities[:2] if row == COMM_TWO else world.modalities
    data = {
        "class": "KnownInformation",
        "shared": world.shared,
        "unique": list(world.unique),
        "synergy": world.synergy,
        "match": world.match,
        "flip": world.flip,
        "biased": name == TRIFEATURE,
        "rows": size.rows,
        "probe": size.probe,
        "held_out": size.held_out,
        "views": method.views,
        **({} if seen == world.modalities else {"modalities": list(seen)}),
        "seed": seed,
    }
    recipe = {
        "data": data,
        **_model(seen, method, size.width),
        "objective": method.made_for(seen, size.width // 4),
        "optimiser": {"lr": 1e-3, "objective_lr": 1e-3},
        "trainer": {
            "steps": size.trifeature_steps if world is WORLDS[TRIFEATURE] else size.steps,
            "batch_size": size.batch_size,
            "seed": seed,
            "accelerator": "cpu",
        },
        "monitor": {"every": None},
    }
    return Cell(row_of(name, row), seed, recipe, {NUMBERS: measured})


def _model(modalities: Sequence[str], method: Method, width: int) -> dict[str, Any]:
    """Perceptrons, as towers or fused by attention: as many columns in all, of two modalities."""
    encoders = {name: {"class": "MLP", "width": width} for name in modalities}
    head = {"projector": {"widths": [width], "dimension": width // 2}}
    if method.fused:
        return {"fusion": {"width": width // 2, "encoders": encoders, **head}}
    return {"towers": {"dimension": width // 4, **(head if method.heads else {}), **encoders}}
