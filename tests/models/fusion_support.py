"""Fusion models of every kind over a picture, a padded sequence and a vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from isthmus.models import (
    AttentionFuser,
    CrossAttentionFuser,
    Fuser,
    Fusion,
    LinearFuser,
    MLPFuser,
    PatchAdapter,
    Projector,
    TokenAdapter,
    VectorAdapter,
)

WIDTH = 8
NAMES = ("image", "text", "sound")

KINDS: dict[str, Callable[[Sequence[str]], Fuser]] = {
    "attention": lambda _: AttentionFuser(width=WIDTH, heads=2),
    "attention, two layers": lambda _: AttentionFuser(width=WIDTH, heads=2, layers=2),
    "cross-attention": lambda _: CrossAttentionFuser(width=WIDTH, heads=2),
    "perceptron": lambda names: MLPFuser(width=WIDTH, modalities=names),
    "linear": lambda names: LinearFuser(width=WIDTH, modalities=names),
}


def fusion(
    kind: str = "attention", names: Sequence[str] = NAMES, *, norm: str | None = "layer"
) -> Fusion:
    torch.manual_seed(0)
    encoders = {
        "image": nn.Conv2d(3, 6, 3, stride=2),
        "text": nn.Linear(5, WIDTH),
        "sound": nn.Linear(4, 7),
    }
    adapters = {
        "image": PatchAdapter(inputs=6, width=WIDTH),
        "text": TokenAdapter(inputs=WIDTH, width=WIDTH),
        "sound": VectorAdapter(inputs=7, width=WIDTH),
    }
    head = None
    if norm is not None:
        head = Projector(inputs=WIDTH, dimension=4, widths=(6, 6), norm=norm)  # type: ignore[arg-type]
    return Fusion(
        {name: encoders[name] for name in names},
        adapters={name: adapters[name] for name in names},
        fuser=KINDS[kind](names),
        projector=head,
    )


def batch(items: int = 6, *, views: int = 1, names: Sequence[str] = NAMES) -> dict[str, Tensor]:
    """Random items; texts are of 1 to 4 tokens, two of five are there for none."""
    generator = torch.Generator().manual_seed(1)
    shapes = {"image": (3, 7, 5), "text": (5, 5), "sound": (4,)}
    found = {}
    for view in range(views):
        for name in names:
            key = f"{name}/{view}" if view else name
            found[key] = torch.randn(items, *shapes[name], generator=generator)
    if "text" in names:
        lengths = 1 + torch.arange(items) % 3
        found["text/valid"] = torch.arange(5) < lengths[:, None]
    return found


def row(found: Tensor | tuple[Tensor, ...]) -> Tensor:
    assert isinstance(found, Tensor)
    return found
