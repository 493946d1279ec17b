"""What a profile found: a table, and a sentence on what would help."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import ceil
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["encoder", "gather", "loss", "optimiser"]

CHUNKS = 8
"""Chunks into which the sentence on memory cuts the batch."""

REMEDIES: dict[Kind, tuple[str, str]] = {
    "encoder": (
        "a smaller encoder, smaller inputs or mixed precision",
        "CachedStep, gradient checkpointing inside the encoder, or a smaller encoder",
    ),
    "gather": (
        "more items on each rank, or a narrower embedding",
        "a narrower embedding",
    ),
    "loss": (
        "a smaller batch, or a narrower embedding",
        "an objective of isthmus.objectives, whose memory is linear in the batch",
    ),
    "optimiser": (
        "a fused optimiser, or freezing a part of the encoders",
        "freezing a part of the encoders, an optimiser with less state, or sharding it over ranks",
    ),
}
"""What helps where a part takes most of the time, and where it takes most of the memory."""

LINEAR_LOSS = "a smaller batch, or a narrower embedding: the loss is linear in the batch already"
"""What helps where an objective of this package takes most of the memory."""

NAMES: dict[Kind, str] = {
    "encoder": "the encoders",
    "gather": "the gather",
    "loss": "the loss",
    "optimiser": "the optimiser",
}


@dataclass(frozen=True)
class Part:
    """One part of a training step.

    Attributes
    ----------
    name, kind:
        Such as "encoder image", of kind "encoder".
    forward, backward:
        Seconds. An optimiser's step is its `forward`, and it has no `backward`.
    kept:
        Bytes that it holds on to: of encoders and losses, what is saved for backward, each
        storage counted once, for the part that saved it first, parameters and the batch itself
        not at all; of the optimiser, gradients and state.
    peak:
        CUDA alone: most bytes in use during its forward or its backward above what was in use
        before. None elsewhere.
    """

    name: str
    kind: Kind
    forward: float
    backward: float
    kept: int
    peak: int | None = None

    @property
    def seconds(self) -> float:
        """Forward and backward."""
        return self.forward + self.backward


@dataclass(frozen=True)
class Profile:
    """Where a training step's time and memory go; `print` shows the table and what to do.

    Attributes
    ----------
    parts:
        In the order in which they run.
    items:
        Items of the batch, B.
    device:
        Where it ran.
    linear_loss:
        Whether the objective is one of `isthmus.objectives`, linear in memory.
    """

    parts: tuple[Part, ...]
    items: int
    device: str
    linear_loss: bool = False

    @property
    def seconds(self) -> float:
        """Of the whole step."""
        return sum(part.seconds for part in self.parts)

    @property
    def kept(self) -> int:
        """Bytes of all parts."""
        return sum(part.kept for part in self.parts)

    @property
    def slowest(self) -> Kind:
        """The kind of part that takes most of the time."""
        return max(self._kinds, key=lambda kind: sum(p.seconds for p in self._of(kind)))

    @property
    def largest(self) -> Kind:
        """The kind of part that holds on to most of the memory."""
        return max(self._kinds, key=lambda kind: sum(p.kept for p in self._of(kind)))

    def cached_step_saves(self, chunk: int) -> int:
        """Bytes that `CachedStep` of this chunk would save: kept(encoders) · (1 − chunk / B).

        At the cost of `cached_step_costs` seconds.
        """
        kept = sum(part.kept for part in self._of("encoder"))
        return round(kept * (1 - min(chunk, self.items) / self.items))

    @property
    def cached_step_costs(self) -> float:
        """Seconds of the second forward pass that `CachedStep` takes."""
        return sum(part.forward for part in self._of("encoder"))

    @property
    def advice(self) -> str:
        """What dominates memory and time, and what would help, in plain sentences."""
        return f"{self._memory_advice()} {self._time_advice()}"

    @property
    def _kinds(self) -> list[Kind]:
        return list(dict.fromkeys(part.kind for part in self.parts))

    def _of(self, kind: Kind) -> list[Part]:
        return [part for part in self.parts if part.kind == kind]

    def _memory_advice(self) -> str:
        kind = self.largest
        kept = sum(part.kept for part in self._of(kind))
        remedy = LINEAR_LOSS if kind == "loss" and self.linear_loss else REMEDIES[kind][1]
        text = (
            f"Memory: {NAMES[kind]} hold{'s' if kind != 'encoder' else ''} {_bytes(kept)} of "
            f"{_bytes(self.kept)} ({_share(kept, self.kept)}){self._most(kind, 'kept')}; what "
            f"helps is {remedy}."
        )
        chunk = ceil(self.items / CHUNKS)
        saved = self.cached_step_saves(chunk)
        return (
            f"{text} CachedStep with chunk={chunk} would save {_bytes(saved)} "
            f"({_share(saved, self.kept)}) for about {self.cached_step_costs:.3g} s more a step."
        )

    def _time_advice(self) -> str:
        kind = self.slowest
        taken = sum(part.seconds for part in self._of(kind))
        return (
            f"Time: {NAMES[kind]} take{'s' if kind != 'encoder' else ''} {taken:.3g} s of "
            f"{self.seconds:.3g} s ({_share(taken, self.seconds)}){self._most(kind, 'seconds')}; "
            f"what helps is {REMEDIES[kind][0]}."
        )

    def _most(self, kind: Kind, what: Literal["kept", "seconds"]) -> str:
        """Which part of several of a kind has most."""
        parts = self._of(kind)
        if len(parts) < 2:
            return ""
        first = max(parts, key=lambda part: float(getattr(part, what)))
        return f", most of it the {first.name}"

    def __str__(self) -> str:
        from rich import box
        from rich.console import Console
        from rich.table import Table

        title = f"One training step of {self.items:,} items on {self.device}"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("")
        peaks = any(part.peak is not None for part in self.parts)
        for name in ("forward s", "backward s", "time", "holds", "memory"):
            table.add_column(name, justify="right")
        if peaks:
            table.add_column("peak", justify="right")
        for part in self.parts:
            table.add_row(
                part.name,
                f"{part.forward:.4f}",
                "–" if part.kind == "optimiser" else f"{part.backward:.4f}",
                _share(part.seconds, self.seconds),
                _bytes(part.kept),
                _share(part.kept, self.kept),
                *(["–" if part.peak is None else _bytes(part.peak)] if peaks else []),
            )
        with io.StringIO() as text:
            console = Console(file=text, width=100)
            console.print(table)
            return f"{text.getvalue().rstrip()}\n\n{self.advice}"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else "–"


def _bytes(count: int) -> str:
    """A number of bytes, in the unit that suits it.

    >>> _bytes(512), _bytes(3 * 2**20)
    ('512 B', '3.0 MiB')
    """
    value, units = float(count), ["B", "KiB", "MiB", "GiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
