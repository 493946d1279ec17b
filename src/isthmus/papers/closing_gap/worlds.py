"""The data sets of the main table, and how large each is at every scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..cell import Cell
from ..setting import Needs, Scale, Setting
from ..values import Published, published
from .columns import KEPT, TEXT, Match, measured
from .methods import CLOSING, CONTRASTIVE_GAP, FIXED, LEARNABLE


@dataclass(frozen=True)
class Size:
    """Of one scale: sections of a recipe, `more` being those that have defaults; steps, batch."""

    data: Mapping[str, Any]
    towers: Mapping[str, Any]
    steps: int
    batch_size: int = 128
    optimiser: Mapping[str, Any] = field(default_factory=lambda: {"lr": 1e-3})
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """A data set: its modalities, the text first; what a hit is; its sizes; what was published."""

    name: str
    title: str
    modalities: tuple[str, ...]
    match: Match
    needs: Needs
    sizes: Mapping[Scale, Size]
    published: Sequence[Published] = ()

    def size(self, scale: Scale) -> Size:
        """The size at a scale; at the scale quick that of stand-in data."""
        return _stand_in(self) if scale == "quick" else self.sizes[scale]

    def cell(self, setting: Setting, row: str, objective: Mapping[str, Any], seed: int) -> Cell:
        """A training on this data set."""
        size = self.size(setting.scale)
        data = size.data if setting.scale == "quick" else setting.data(**size.data)
        return Cell(
            row,
            seed,
            {
                "data": data,
                "towers": size.towers,
                "objective": objective,
                "optimiser": {**size.optimiser, "objective_lr": 3e-2},
                "trainer": {"steps": size.steps, "batch_size": size.batch_size, "seed": seed},
                "monitor": {"every": None},
                **size.more,
            },
            {KEPT: partial(measured, match=self.match)},
        )


RESNET = {"model": "RN50"}
CLIP = {"model": "ViT-B-16", "pretrained": "laion2b_s34b_b88k"}


def _stand_in(world: World) -> Size:
    """Gaussian classes with modalities of the same names, and a text that names the class alone."""
    data = {
        "class": "LatentClasses",
        "modalities": list(world.modalities),
        "text": world.match == "label",
        "rows": 1500,
        "held_out": 400,
    }
    return Size(data, {"dimension": 32}, steps=100)


AV_MNIST = World(
    name="av-mnist",
    title="AV-MNIST: written digit, spoken digit, word",
    modalities=(TEXT, "image", "sound"),
    match="label",
    needs=Needs(("mnist", "fsdd"), {"quick": 0.3, "cpu": 7, "paper": 60}),
    sizes={
        "cpu": Size(
            {"class": "AVMNIST", "rows": 20_000, "held_out": 2_000}, {"dimension": 64}, steps=600
        ),
        "paper": Size(
            {"class": "AVMNIST", "side": 112},
            {
                "dimension": 128,
                "image": {"class": "LeNet", "blocks": 3},
                "sound": {"class": "LeNet", "blocks": 5},
            },
            steps=43_000,
        ),
    },
    published=published(
        ["gap", "R@1 image→text", "R@1 sound→text", "V", "kNN"],
        {
            LEARNABLE: [0.20, 87.1, 84.2, 77.6, 87.0],
            FIXED: [0.24, 84.1, 80.4, 73.8, 85.0],
            CLOSING: [0.09, 88.7, 89.1, 82.7, 89.2],
        },
    ),
)

CIFAR_10 = World(
    name="cifar10",
    title="CIFAR-10: picture and the name of its class",
    modalities=(TEXT, "image"),
    match="label",
    needs=Needs(("cifar10",), {"quick": 0.3, "cpu": 8, "paper": 240}),
    sizes={
        "cpu": Size(
            {"class": "CIFAR10", "rows": 20_000, "held_out": 2_000},
            {"dimension": 64, "image": {"class": "SmallConvNet", "widths": [32, 64, 128]}},
            steps=800,
        ),
        "paper": Size(
            {"class": "CIFAR10"},
            {
                "dimension": 1024,
                "image": {
                    "class": "Resized",
                    "to": 224,
                    "encoder": {"class": "OpenCLIPImage", **RESNET, "side": 224, "dimension": 1024},
                },
            },
            steps=39_000,
            optimiser={"class": "Adam", "lr": 1e-4},
            more={"schedule": {"class": "WarmUpCosine", "warm_up": 0.2}},
        ),
    },
    published=published(
        ["gap", "R@1 image→text", "V", "kNN"],
        {
            LEARNABLE: [0.86, 82.0, 67.0, 81.2],
            FIXED: [0.14, 82.1, 67.6, 81.9],
            CLOSING: [0.09, 82.4, 67.9, 82.4],
        },
    ),
)

EMOJI = World(
    name="emoji",
    title="Emoji: drawing, drawing by another hand, text",
    modalities=(TEXT, "openmoji", "twemoji"),
    match="item",
    needs=Needs(("emoji",), {"quick": 0.3, "cpu": 10}),
    sizes={"cpu": Size({"class": "Emoji"}, {"dimension": 64}, steps=600)},
)

COCO = World(
    name="coco",
    title="MS-COCO: photograph and caption",
    modalities=(TEXT, "image"),
    match="item",
    needs=Needs(("coco",), {"quick": 0.3, "paper": 6000}),
    sizes={
        "paper": Size(
            {
                "class": "COCO",
                "side": 224,
                "labels": "single-category",
                "held_out": None,
                "tokens": "open_clip:RN50",
            },
            {
                "dimension": 1024,
                "image": {"class": "OpenCLIPImage", **RESNET},
                "text": {"class": "OpenCLIPText", **RESNET},
            },
            steps=46_200,
            batch_size=256,
            optimiser={"class": "Adam", "lr": 1e-4},
            more={"schedule": {"class": "WarmUpCosine", "warm_up": 0.2}},
        ),
    },
    published=published(
        ["gap", "R@1 image→text", "V", "kNN", "cos"],
        {
            LEARNABLE: [0.47, 74.6, 12.98, 26.3, 0.34],
            FIXED: [0.12, 73.2, 12.99, 31.0, 0.63],
            CONTRASTIVE_GAP: [None, None, None, None, 0.11],
            CLOSING: [0.03, 70.3, 23.63, 36.4, 0.77],
        },
    ),
)

MSR_VTT = World(
    name="msr-vtt",
    title="MSR-VTT: video, sound, caption",
    modalities=(TEXT, "video", "sound"),
    match="item",
    needs=Needs(("msr_vtt",), {"quick": 0.3, "paper": 3000}),
    sizes={
        "paper": Size(
            {"class": "MSRVTT", "tokens": "open_clip:ViT-B-16"},
            {
                "dimension": 512,
                "text": {"class": "OpenCLIPText", **CLIP},
                "video": {
                    "class": "FrameMean",
                    "encoder": {
                        "class": "OpenCLIPImage",
                        **CLIP,
                        "frozen": True,
                        "side": 224,
                        "dimension": 512,
                    },
                },
                "sound": "PooledConvNet",
            },
            steps=22_500,
            batch_size=32,
            optimiser={"lr": 1e-4},
        ),
    },
    published=published(
        ["gap", "R@1 video→text", "R@1 sound→text", "V", "kNN"],
        {
            LEARNABLE: [0.29, 34.2, 10.3, 23.3, 52.9],
            CLOSING: [0.07, 32.8, 11.8, 32.1, 58.0],
        },
    ),
)
