"""A data set of the tables: what it is trained on at every scale, and a training of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..cell import Cell
from ..setting import Needs, Scale, Setting
from .methods import Method
from .probes import NUMBERS, probed

if TYPE_CHECKING:
    from ...training.splits import Kind

HEAD = {"widths": [1024, 1024], "dimension": 256, "norm": "batch"}
"""Between a tower and what a loss compares, as published."""

STAND_IN = "isthmus.papers.comm.stand_in.StandIn"
STAND_INS = ("x1", "x2", "x3")


@dataclass(frozen=True)
class Size:
    """Of one scale: sections of a recipe.

    Attributes
    ----------
    data:
        As it is for every row.
    towers, encoders:
        Modality → encoder, alone and for fusion.
    dimension, width:
        Of the towers' embeddings, and of the fused features.
    head, projector:
        Of towers whose method has heads, and of the fusion model.
    linear:
        Width of CMC's heads, which are linear; as many as the embeddings have if None.
    rate, rate_of_three:
        Learning rate, and where there are three modalities; the same if None.
    """

    data: Mapping[str, Any]
    dimension: int
    width: int
    steps: int
    towers: Mapping[str, Any] = field(default_factory=dict)
    encoders: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 64
    rate: float = 1e-3
    rate_of_three: float | None = None
    head: Mapping[str, Any] = field(default_factory=lambda: HEAD)
    projector: Mapping[str, Any] = field(default_factory=lambda: {"norm": "batch"})
    linear: int | None = None
    schedule: str | Mapping[str, Any] = "WarmUpConstant"
    trainer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes
    ----------
    method:
        What is trained.
    count:
        Modalities; the first so many of the task's.
    labelled:
        The objective is told the targets.
    linear:
        Heads are linear.
    after:
        The row from whose weights training begins, for a fifth of the steps at a tenth of the rate.
    views:
        By modality, where it is not the method's number.
    """

    method: Method
    count: int = 2
    labelled: bool = False
    linear: bool = False
    after: str | None = None
    views: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Task:
    """A data set and what is to be told of it.

    Attributes
    ----------
    kind, outputs:
        What is to be told, and in how many classes, labels or numbers.
    selects:
        Its data are asked for modalities by name.
    """

    name: str
    title: str
    modalities: tuple[str, ...]
    needs: Needs
    sizes: Mapping[Scale, Size]
    kind: Kind = "classes"
    outputs: int = 2
    selects: bool = True

    def size(self, scale: Scale) -> Size:
        """The size at a scale; at the scale quick that of stand-in data."""
        return stand_in(self.kind) if scale == "quick" else self.sizes[scale]

    def cells(self, setting: Setting, rows: Mapping[str, Row]) -> list[Cell]:
        """Every row at every seed."""
        return [self.cell(setting, rows, name, seed) for name in rows for seed in setting.each_seed]

    def cell(self, setting: Setting, rows: Mapping[str, Row], name: str, seed: int) -> Cell:
        """A training of a row."""
        row, size, quick = rows[name], self.size(setting.scale), setting.scale == "quick"
        names = (STAND_INS if quick else self.modalities)[: row.count]
        rate = size.rate if row.count == 2 or size.rate_of_three is None else size.rate_of_three
        start = None if row.after is None else self.cell(setting, rows, row.after, seed)
        steps = size.steps if start is None else max(1, size.steps // 5)
        recipe = {
            "data": self._data(setting, size, row, names),
            **_model(size, row, names),
            "objective": self._objective(setting, size, row, names),
            "optimiser": {
                "lr": rate if start is None else rate / 10,
                "weight_decay": 1e-2,
                "objective_lr": rate,
            },
            "schedule": size.schedule,
            "trainer": {
                "steps": steps,
                "batch_size": size.batch_size,
                "seed": seed,
                "checkpoint_every": max(100, steps // 20),
                **size.trainer,
            },
            "monitor": {"every": None},
        }
        return Cell(name, seed, recipe, {NUMBERS: probed}, start)

    def _objective(
        self, setting: Setting, size: Size, row: Row, names: Sequence[str]
    ) -> dict[str, Any]:
        objective = row.method.made_for(names, size.dimension)
        if not row.method.told:
            return objective
        told = {"kind": self.kind, "outputs": 2 if setting.scale == "quick" else self.outputs}
        return {**objective, **told, "width": size.projector.get("dimension", HEAD["dimension"])}

    def _data(self, setting: Setting, size: Size, row: Row, names: Sequence[str]) -> dict[str, Any]:
        quick = setting.scale == "quick"
        section = {
            **size.data,
            **({"modalities": list(names)} if self.selects or quick else {}),
            "views": row.method.views if row.views is None else dict(row.views),
        }
        if row.labelled:
            section["labelled"] = True
        return section if quick else setting.data(**section)


def _model(size: Size, row: Row, names: Sequence[str]) -> dict[str, Any]:
    if row.method.fused:
        encoders = {name: size.encoders[name] for name in names if name in size.encoders}
        return {
            "fusion": {
                "width": size.width,
                "encoders": encoders,
                "projector": dict(size.projector),
            }
        }
    head: Mapping[str, Any] = size.head
    if row.linear:
        head = {"widths": [], "dimension": size.linear or size.dimension}
    return {
        "towers": {
            "dimension": size.dimension,
            **({"projector": dict(head)} if row.method.heads else {}),
            **{name: size.towers[name] for name in names if name in size.towers},
        }
    }


def stand_in(kind: Kind) -> Size:
    """Of data that every table can be tried on in a moment."""
    head = {"widths": [16], "dimension": 16, "norm": "batch"}
    return Size(
        {"class": STAND_IN, "kind": kind},
        dimension=16,
        width=16,
        steps=10,
        batch_size=32,
        head=head,
        projector=head,
        trainer={"accelerator": "cpu"},
    )
