"""MultiBench: MIMIC, spoken sentences and a robot's arm, as the tables train on them."""

from __future__ import annotations

from typing import Any

from ..setting import Needs
from .task import Size, Task

AUTO = {"accelerator": "auto"}
CPU = {"accelerator": "cpu"}
GPU = {"accelerator": "gpu", "precision": "bf16-mixed"}

SMALL = {"widths": [256, 256], "dimension": 128, "norm": "batch"}
"""Head and projector at the scale cpu."""


def _passes(items: int, passes: int = 100) -> int:
    """Steps of so many passes over the data, 64 items at a time."""
    return passes * (items // 64)


def _mimic(width: int) -> dict[str, Any]:
    return {
        "towers": {
            "tabular": {"class": "MLP", "width": 10},
            "series": {"class": "isthmus.models.recurrent.GRU", "width": width},
        },
        "encoders": {
            "tabular": {"class": "MLP", "width": 10, "dimension": 10, "adapter": "FeatureAdapter"},
            "series": "isthmus.models.recurrent.GRUTokens",
        },
    }


MIMIC = Task(
    name="mimic",
    title="MIMIC: a group of diagnoses, from five numbers and 24 hours of twelve",
    modalities=("tabular", "series"),
    selects=False,
    needs=Needs(("mimic",), {"quick": 0.1, "cpu": 20, "paper": 240}),
    sizes={
        "cpu": Size(
            {"class": "MIMIC"},
            dimension=128,
            width=128,
            steps=1500,
            **_mimic(128),
            head=SMALL,
            projector=SMALL,
            trainer=CPU,
        ),
        "paper": Size(
            {"class": "MIMIC"},
            dimension=256,
            width=512,
            steps=_passes(28_970),
            **_mimic(512),
            trainer=AUTO,
        ),
    },
)


def _affect(*, layers: int, hidden: int) -> dict[str, Any]:
    """An encoder of words without their order, for every modality."""
    blocks = {"layers": layers, "heads": 5, "hidden": hidden, "dropout": 0.1, "positions": False}
    mean = {"class": "isthmus.models.token_mean.SequenceMean", "width": 40, **blocks}
    tokens = {"class": "SequenceTransformer", "dimension": 40, **blocks}
    names = ("vision", "text", "audio")
    return {"towers": dict.fromkeys(names, mean), "encoders": dict.fromkeys(names, tokens)}


def _sentences(name: str, title: str, *, items: int, steps: int, cpu: float, gpu: float) -> Task:
    """A set of spoken sentences with so many to train on, and steps and minutes at the scales."""
    data = {"class": "Affect", "name": name}
    return Task(
        name=name.replace("_", "-"),
        title=title,
        modalities=("vision", "text", "audio"),
        needs=Needs((name,), {"quick": 0.1, "cpu": cpu, "paper": gpu}),
        sizes={
            "cpu": Size(
                data,
                dimension=40,
                width=40,
                steps=steps,
                **_affect(layers=2, hidden=160),
                head=SMALL,
                projector=SMALL,
                linear=13,
                trainer=CPU,
            ),
            "paper": Size(
                data,
                dimension=40,
                width=40,
                steps=_passes(items),
                **_affect(layers=5, hidden=2048),
                rate_of_three=1e-4,
                linear=13,
                trainer=AUTO,
            ),
        },
    )


MOSI = _sentences(
    "mosi", "CMU-MOSI: whether a sentence is positive", items=1284, steps=600, cpu=17, gpu=30
)
UR_FUNNY = _sentences(
    "ur_funny",
    "UR-FUNNY: whether a sentence is humour",
    items=10_598,
    steps=1500,
    cpu=50,
    gpu=240,
)
MUSTARD = _sentences(
    "mustard", "MUStARD: whether a sentence is sarcasm", items=414, steps=400, cpu=12, gpu=15
)

ROBOT = {"class": "VisionTouch", "device": "cuda"}
TRAIN = 105_840
"""Steps of Vision&Touch to train on: 147,000 but for a fifth and a tenth."""

END_EFFECTOR = Task(
    name="vision-touch",
    title="Vision&Touch: where the end effector is next",
    modalities=("image", "force"),
    kind="regression",
    outputs=4,
    needs=Needs(("vision_touch",), {"quick": 0.1, "paper": 900}),
    sizes={
        "paper": Size(
            {**ROBOT, "task": "end_effector"},
            dimension=128,
            width=128,
            steps=_passes(TRAIN),
            towers={
                "image": "isthmus.models.resnet.ResNet",
                "force": "isthmus.models.force.ForceEncoder",
            },
            encoders={
                "image": {"class": "isthmus.models.resnet.ResNetMap", "dimension": 512},
                "force": {
                    "class": "isthmus.models.force.ForceEncoder",
                    "dimension": 128,
                    "adapter": "FeatureAdapter",
                },
            },
            trainer=GPU,
        ),
    },
)

CONTACT = Task(
    name="vision-touch",
    title="Vision&Touch: whether the arm touches anything next",
    modalities=("image", "proprio", "force"),
    needs=Needs(("vision_touch",), {"quick": 0.1, "paper": 1200}),
    sizes={
        "paper": Size(
            {**ROBOT, "task": "contact"},
            dimension=256,
            width=512,
            steps=_passes(TRAIN),
            towers={
                "image": "isthmus.models.resnet.ResNet",
                "proprio": "isthmus.models.proprio.ProprioEncoder",
                "force": "isthmus.models.force.ForceEncoder",
            },
            encoders={
                "image": {"class": "isthmus.models.resnet.ResNetMap", "dimension": 512},
                "proprio": {"class": "isthmus.models.proprio.ProprioEncoder", "dimension": 512},
                "force": {"class": "isthmus.models.force.ForceEncoder", "dimension": 512},
            },
            rate_of_three=1e-4,
            trainer=GPU,
        ),
    },
)
