"""The batches of all ranks as one, with the gradients of one process.

Every rank computes the loss of the whole batch, so every rank holds its whole gradient: backward
takes the rank's own rows of it, without communication, times the world size, which the mean over
ranks of distributed data parallelism takes away again. After that mean, the gradient of every
parameter, a temperature among them, is that of a single process.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed
from torch.autograd import Function

from .engine.tiles import NARROW

Views = Mapping[str, tuple[Tensor, ...]]
"""Modality → its views, (B, D) each."""


@dataclass(frozen=True)
class Part:
    """What one rank brings to a batch: views, and what is known of its items."""

    views: Views
    masks: Mapping[str, Tensor]
    groups: Tensor | None
    weights: Tensor | None
    rows: int
    targets: Tensor | None = None


@dataclass(frozen=True)
class _Shape:
    """What ranks must know of each other before they can exchange rows."""

    rows: int
    widths: tuple[tuple[str, tuple[int, ...], str, bool], ...]
    masked: tuple[str, ...]
    grouped: bool
    weighted: bool
    targets: str
    problem: str


def world_size() -> int:
    """Ranks that train together; 1 without distributed training."""
    ready = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if ready else 1


def gather(part: Part | None, problem: str, device: torch.device) -> Part:
    """The parts of all ranks, one after the other, the same on every rank.

    A rank may have another number of rows than the others, also none, and may lack a modality.
    `problem` is why this rank has no part: then all ranks raise, instead of waiting for it.
    """
    shapes = _exchange(_shape(part, problem), device)
    if problems := [f"rank {r}: {s.problem}" for r, s in enumerate(shapes) if s.problem]:
        raise ValueError("; ".join(problems))
    assert part is not None
    known = _agreed(shapes)
    sizes = [shape.rows for shape in shapes]
    lacking = {name for name in known if any(name not in _names(s) for s in shapes)}
    masked = {name for shape in shapes for name in shape.masked} | lacking
    views = {name: part.views.get(name, _stand_in(part, known[name], device)) for name in known}
    everywhere = torch.ones(part.rows, dtype=torch.bool, device=device)
    absent = torch.zeros_like(everywhere)
    masks = {
        name: part.masks.get(name, everywhere if name in part.views else absent) for name in masked
    }
    return Part(
        views={name: tuple(_gather_rows(z, sizes) for z in views[name]) for name in known},
        masks={name: _gather_rows(mask, sizes) for name, mask in sorted(masks.items())},
        groups=None if part.groups is None else _gather_rows(part.groups, sizes),
        weights=None if part.weights is None else _gather_rows(part.weights, sizes),
        rows=sum(sizes),
        targets=None if part.targets is None else _gather_rows(part.targets, sizes),
    )


def _shape(part: Part | None, problem: str) -> _Shape:
    if part is None:
        return _Shape(0, (), (), False, False, "", problem)
    widths = tuple(
        (name, tuple(z.shape[1] for z in views), str(views[0].dtype), _trained(views))
        for name, views in part.views.items()
    )
    return _Shape(
        part.rows,
        widths,
        tuple(sorted(part.masks)),
        part.groups is not None,
        part.weights is not None,
        _kind(part.targets),
        "",
    )


def _kind(targets: Tensor | None) -> str:
    """What targets of all ranks have in common."""
    return "none" if targets is None else f"(B, *{tuple(targets.shape[1:])}) of {targets.dtype}"


def _trained(views: Sequence[Tensor]) -> bool:
    return any(z.requires_grad for z in views)


def _names(shape: _Shape) -> list[str]:
    return [name for name, *_ in shape.widths]


def _exchange(own: _Shape, device: torch.device) -> list[_Shape]:
    """The shapes of all ranks: a checksum each, and in full only where those differ."""
    size = world_size()
    checksum = torch.tensor([zlib.crc32(repr(own).encode())], device=device)
    found = [torch.empty_like(checksum) for _ in range(size)]
    distributed.all_gather(found, checksum)
    if all(bool(other == checksum) for other in found):
        return [own] * size
    shapes: list[Any] = [None] * size
    distributed.all_gather_object(shapes, own)
    return shapes


def _agreed(shapes: Sequence[_Shape]) -> dict[str, tuple[tuple[int, ...], str, bool]]:
    """Modality → widths of its views, dtype, trained: of all ranks, in the first ones' order."""
    known: dict[str, tuple[tuple[int, ...], str, bool]] = {}
    for rank, shape in enumerate(shapes):
        for name, widths, dtype, trained in shape.widths:
            others = known.setdefault(name, (widths, dtype, trained))
            if others[:2] != (widths, dtype):
                raise ValueError(
                    f"modality '{name}' must be alike on all ranks; found widths {others[0]} of "
                    f"{others[1]} and, on rank {rank}, {widths} of {dtype}"
                )
            known[name] = (widths, dtype, trained or others[2])
    for what in ("grouped", "weighted"):
        if len({getattr(shape, what) for shape in shapes if shape.rows}) > 1:
            raise ValueError(f"some ranks have a {what} batch and others not: give all or none")
    if len(kinds := {shape.targets for shape in shapes}) > 1:
        raise ValueError(f"targets must be alike on all ranks; found {', '.join(sorted(kinds))}")
    return known


def _stand_in(
    part: Part, known: tuple[tuple[int, ...], str, bool], device: torch.device
) -> tuple[Tensor, ...]:
    """Rows for a modality that this rank lacks; a mask keeps them out of every loss."""
    widths, dtype, trained = known
    kind = getattr(torch, dtype.removeprefix("torch."))
    return tuple(
        torch.zeros(part.rows, width, dtype=kind, device=device, requires_grad=trained)
        for width in widths
    )


def _gather_rows(x: Tensor, sizes: Sequence[int]) -> Tensor:
    gathered: Tensor = _GatherRows.apply(x, sizes)  # type: ignore[no-untyped-call]
    return gathered


class _GatherRows(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, sizes: Sequence[int]) -> Tensor:
        ctx.sizes = sizes
        ctx.rank = distributed.get_rank()
        padded = x.new_zeros((max(sizes), *x.shape[1:]))
        padded[: len(x)] = x
        bits = padded.view(torch.int16) if x.dtype in NARROW else padded
        parts = [torch.empty_like(bits) for _ in sizes]
        distributed.all_gather(parts, bits)
        return torch.cat(
            [part.view(x.dtype)[:n] for part, n in zip(parts, sizes, strict=True)], dim=0
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        start = sum(ctx.sizes[: ctx.rank])
        own = gradients[0][start : start + ctx.sizes[ctx.rank]]
        return own * len(ctx.sizes), None
