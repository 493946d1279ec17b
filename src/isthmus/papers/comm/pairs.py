"""Trifeature at every scale: what is trained on its pairs, and how it is probed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ...datasets.splits import SPLITS
from ...metrics.split_probe import Part, SplitProbe, probe_splits
from ..cell import Cell
from ..setting import Scale, Setting
from .methods import Method
from .probes import placed, together

if TYPE_CHECKING:
    from torch import nn

    from ...datasets.bimodal_trifeature import Task
    from ...training.sets import Trifeature
    from ..trained import Trained

IMAGES = ("image1", "image2")

END, COURSE = "probes-1", "course-1"
"""Names under which a cell keeps what probes read at the end, and at the steps before."""

TASKS: Mapping[str, Task] = {
    "R": "shared",
    "U1": "unique1",
    "U2": "unique2",
    "S": "synergy",
}

FEW_COSTS = (1e-4, 1e-2, 1.0)
"""For the course of training, where every step kept is probed."""


@dataclass(frozen=True)
class Size:
    """Of one scale: sections of a recipe; `net` and `map` are the encoder as tower and for fusion.

    `width` is the dimension of the fused space, `few` the number of pairs that probes learn from in
    the course of training.
    """

    data: Mapping[str, Any]
    net: Mapping[str, Any]
    map: Mapping[str, Any]
    width: int
    steps: int
    keep_every: int
    few: int
    batch_size: int = 64
    rate: float = 1e-3
    schedule: str | Mapping[str, Any] = "WarmUpCosine"
    trainer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """Of a tower: probes read as many numbers of two side by side as of the fused pair."""
        return self.width // 2


CROP = {name: {"crop": [0.25, 1.0]} for name in IMAGES}
"""At 64 pixels a crop of 0.08 of the area, the paper's, leaves 18 pixels, two and a half periods of
a texture, and nothing of most shapes. Tried at seed 0: `docs/results/comm-trials-cpu.md`."""

SIZES: Mapping[Scale, Size] = {
    "quick": Size(
        {"side": 32, "rows": 400, "pairs": 400, "probe": 400, "held_out": 200, "augment": CROP},
        {"class": "NormedNet", "widths": [8], "features": 16},
        {"class": "NormedMap", "widths": [8], "dimension": 16},
        width=16,
        steps=20,
        keep_every=10,
        few=200,
        batch_size=32,
    ),
    "cpu": Size(
        {"side": 64, "pairs": None, "augment": CROP},
        {"class": "NormedNet", "widths": [16, 32, 64], "features": 128},
        {"class": "NormedMap", "widths": [16, 32, 64], "dimension": 128},
        width=128,
        steps=3500,
        keep_every=500,
        few=4000,
        trainer={"accelerator": "cpu", "precision": "bf16-mixed"},
    ),
    "paper": Size(
        {"side": 224, "device": "cuda"},
        {"class": "AlexNet"},
        {"class": "AlexNetMap", "dimension": 256},
        width=512,
        steps=15_700,
        keep_every=785,
        few=10_000,
        rate=3e-4,
        schedule="WarmUpConstant",
        trainer={"accelerator": "gpu", "precision": "bf16-mixed"},
    ),
}


def cell(
    setting: Setting,
    row: str,
    method: Method,
    seed: int,
    *,
    biased: bool,
    course: bool = False,
    fuser: Mapping[str, Any] | None = None,
    augment: Mapping[str, Mapping[str, Any]] | None = None,
) -> Cell:
    """A training on pairs of one kind, biased for synergy.

    With `course`, it is probed at every step whose weights are kept, too. `augment` adds to the
    augmentation of the scale.
    """
    size = SIZES[setting.scale]
    base: Mapping[str, Mapping[str, Any]] = size.data.get("augment", {})
    changed = {name: {**base.get(name, {}), **(augment or {}).get(name, {})} for name in IMAGES}
    data = {
        "class": "Trifeature",
        **size.data,
        "augment": changed,
        "biased": biased,
        "balanced": setting.scale != "paper",
        "views": method.views,
        "seed": seed,
    }
    measures: dict[str, Any] = {END: partial(probed, biased=biased)}
    if course:
        measures[COURSE] = partial(probed_often, biased=biased, few=size.few)
    return Cell(
        row,
        seed,
        {
            "data": data,
            **_model(size, method, fuser),
            "objective": method.made_for(IMAGES, size.dimension),
            "optimiser": {"lr": size.rate, "objective_lr": size.rate, "weight_decay": 1e-4},
            "schedule": size.schedule,
            "trainer": {
                "steps": size.steps,
                "batch_size": size.batch_size,
                "keep_every": size.keep_every,
                "seed": seed,
                **size.trainer,
            },
            "monitor": {"every": None},
        },
        measures,
    )


def _model(size: Size, method: Method, fuser: Mapping[str, Any] | None) -> dict[str, Any]:
    if method.fused:
        chosen = {} if fuser is None else {"fuser": dict(fuser)}
        encoders = {name: dict(size.map) for name in IMAGES}
        projector = {"norm": "batch"}
        return {
            "fusion": {"width": size.width, "encoders": encoders, "projector": projector, **chosen}
        }
    head = {"projector": {"norm": "batch"}} if method.heads else {}
    encoders = {name: dict(size.net) for name in IMAGES}
    return {"towers": {"dimension": size.dimension, **head, **encoders}}


def probed(found: Trained, *, biased: bool) -> dict[str, float]:
    """What probes read of each task at the end of training, in %.

    Accuracies are balanced: means over classes. Those of synergy are of a probe that weighs classes
    equally, and "S, as they are" of one that does not. After biased training, synergy alone.
    """
    data: Trifeature = found.data()
    return _read(data, placed(found, found.model(data)), biased=biased)


def probed_often(found: Trained, *, biased: bool, few: int) -> dict[str, float]:
    """The same at every step whose weights were kept: "R at 500" and so on, from fewer pairs."""
    data: Trifeature = found.data()
    values: dict[str, float] = {}
    for step in found.kept:
        model = placed(found, found.model(data, step))
        seen = _read(data, model, biased=biased, few=few)
        values |= {f"{task} at {step}": value for task, value in seen.items()}
    return values


def _read(
    data: Trifeature, model: nn.Module, *, biased: bool, few: int | None = None
) -> dict[str, float]:
    pairs = {split: data.pairs_of(split)[: few if split == "train" else None] for split in SPLITS}
    rows = {split: together(data.embedded(model, own)) for split, own in pairs.items()}

    def read(task: Task, *, balanced: bool = False) -> float:
        parts: list[Part] = [(rows[split], pairs[split].labels(task)) for split in SPLITS]
        costs = {} if few is None else {"costs": FEW_COSTS}
        read: SplitProbe = probe_splits(*parts, balanced=balanced, **costs)  # type: ignore[arg-type]
        return 100 * read.scores["balanced_accuracy"]

    values = {"S": read("synergy", balanced=True)}
    if few is None:
        values["S, as they are"] = read("synergy")
    if biased:
        return values
    values |= {name: read(task) for name, task in TASKS.items() if name != "S"}
    return values | {"U": (values["U1"] + values["U2"]) / 2}
