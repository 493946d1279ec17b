"""Pairs of Trifeature pictures as recipes train on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from isthmus.datasets.bimodal_trifeature import BimodalTrifeature, bimodal_trifeature
from isthmus.errors import InputError
from isthmus.models import AttentionFuser, ConvMap, Fusion, PatchAdapter, SmallConvNet, Towers
from isthmus.training.embed import embed
from isthmus.training.sets.trifeature import NAMES, Trifeature
from tests.training.sets.pictured import small, trained

SMALL: dict[str, Any] = {"side": 16, "pairs": 60, "probe": 50, "held_out": 40, "rows": 300}
CLASS = "isthmus.training.sets.trifeature.Trifeature"


def taken(data: Trifeature, rows: int = 12, seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return data.train.take(np.arange(rows))


def test_items_are_pairs_of_pictures() -> None:
    data = Trifeature(plain_crop=None, **SMALL)
    found = bimodal_trifeature("train", side=16, pairs=60, rows=300)
    batch = taken(data)
    assert set(batch) == set(NAMES)
    for k, name in enumerate(NAMES):
        expected = found.pictures.images[found.pairs[:12, k]]
        np.testing.assert_array_equal(batch[name].permute(0, 2, 3, 1), expected)
        assert batch[name].dtype == torch.uint8
    assert (len(data.train), data.held_out) == (60, 40)
    assert found.labels("synergy").all()
    assert data.shapes == {"image1": {"side": 16}, "image2": {"side": 16}}
    assert data.about == (
        "Trifeature, 16 pixels: 60 biased pairs to train on, 40 unbiased ones held out"
    )


@pytest.mark.parametrize("views", [1, 2, 3])
def test_views(views: int) -> None:
    data = Trifeature(views=views, **SMALL)
    batch = taken(data)
    keys = [name + suffix for name in NAMES for suffix in ("", "/1", "/2")[:views]]
    assert set(batch) == set(keys)
    assert all(x.shape == (12, 3, 16, 16) and x.dtype == torch.float32 for x in batch.values())
    again, other = taken(data), taken(data, seed=1)
    assert all(torch.equal(batch[key], again[key]) for key in keys)
    assert not any(torch.equal(batch[key], other[key]) for key in keys)


def test_a_crop_can_be_switched_off_for_one_modality() -> None:
    none = {"crop": None, "flip": 0.0, "jitter": None, "grey": 0.0, "blur": None}
    data = Trifeature(views=2, augment={"image1": none}, **SMALL)
    plain = taken(Trifeature(plain_crop=None, **SMALL))
    batch = taken(data)
    assert torch.equal(batch["image1"], plain["image1"].float())
    assert torch.equal(batch["image1/1"], batch["image1"])
    assert not torch.equal(batch["image2/1"], batch["image2"])


def test_lists_of_a_recipe_stand_for_ranges() -> None:
    data = Trifeature(views=2, augment={"image1": {"crop": [0.9, 1.0]}}, **SMALL)
    assert data.train.views.changes["image1"].crop == (0.9, 1.0)  # type: ignore[attr-defined]
    assert data.train.views.changes["image2"].crop == (0.08, 1.0)  # type: ignore[attr-defined]


def test_blur_is_for_textures_as_they_are() -> None:
    changes = Trifeature(views=2, **SMALL).train.views.changes  # type: ignore[attr-defined]
    assert changes["image1"].blur == pytest.approx((0.07, 1.4))


class Mean(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.float().mean(dim=(2, 3)) + 1


class Joined(nn.Module):
    """A model that is neither towers nor fusion: what it gives of a picture depends on both."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        both = [batch[name].float().mean(dim=(2, 3)) + 1 for name in NAMES]
        return {"image1": both[0], "image2": both[0] + both[1]}


def fusion() -> Fusion:
    torch.manual_seed(0)
    return Fusion(
        {name: ConvMap(dimension=8, widths=(4,)) for name in NAMES},
        adapters={name: PatchAdapter(inputs=8, width=8) for name in NAMES},
        fuser=AttentionFuser(width=8, heads=2),
    )


def towers() -> Towers:
    torch.manual_seed(0)
    return Towers({name: SmallConvNet(side=16, dimension=6, widths=(4,)) for name in NAMES})


@pytest.mark.parametrize("model", [fusion(), towers(), Joined()], ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("part", ["test", "train", "validation"])
def test_pairs_are_embedded_as_if_each_were_encoded_alone(model: nn.Module, part: str) -> None:
    data = Trifeature(**SMALL)
    pairs = data.pairs_of(part)  # type: ignore[arg-type]
    found = data.features(model, part)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.targets, pairs.labels(data.task))
    images = torch.from_numpy(pairs.pictures.images).permute(0, 3, 1, 2)
    every = {name: images[pairs.pairs[:, k]] for k, name in enumerate(NAMES)}
    expected = embed(model, every)
    assert set(found.rows) == set(expected.names)
    for name in expected.names:
        np.testing.assert_allclose(found.rows[name], expected[name], atol=2e-6)


def test_held_out_pairs_are_unbiased_pairs_of_the_test_split_with_their_labels() -> None:
    model = towers()
    for task in ("shared", "unique1", "unique2", "synergy"):
        data = Trifeature(task=task, **SMALL)  # type: ignore[arg-type]
        expected = bimodal_trifeature("test", side=16, pairs=40, biased=False)
        space = data.embed(model)
        assert space.labels is not None
        np.testing.assert_array_equal(space.labels["image1"], expected.labels(task))  # type: ignore[arg-type]
        np.testing.assert_array_equal(data.labels, expected.labels(task))  # type: ignore[arg-type]
    assert 0 < data.labels.mean() < 0.5
    again = data.embed(model)
    np.testing.assert_array_equal(again["image1"], space["image1"])  # no chance in evaluation
    assert data.show("image2", 3).shape == (16, 16, 3)
    np.testing.assert_array_equal(
        data.show("image2", 3), expected.pictures.images[expected.pairs[3, 1]]
    )


def test_probe_pairs_are_unbiased_pairs_of_the_pictures_trained_on() -> None:
    data = Trifeature(plain_crop=None, **SMALL)
    seen = {x.numpy().tobytes() for x in data.train.items.pictures.permute(0, 2, 3, 1)}  # type: ignore[attr-defined]
    for split in ("train", "validation"):
        probe = data.pairs_of(split)  # type: ignore[arg-type]
        assert {image.tobytes() for image in probe.pictures.images} == seen
        assert 0 < len(probe) <= SMALL["probe"]
        np.testing.assert_array_equal(probe.mapping, data.held.mapping)
    assert 0 < data.pairs_of("train").labels("synergy").mean() < 0.5
    every = Trifeature(**(SMALL | {"pairs": None, "probe": None, "biased": False}))
    assert len(every.train) > len(every.pairs_of("train")) > SMALL["probe"]


def test_what_chooses_a_probe_has_no_combination_that_it_learnt_from() -> None:
    every = bimodal_trifeature("train", side=16, pairs=None, biased=False)
    first, second = every.divided(0.25, seed=1)

    def combinations(pairs: BimodalTrifeature) -> set[tuple[int, ...]]:
        p = pairs.pictures
        rows = np.stack([p.shapes, p.textures, p.colours], axis=1)[np.unique(pairs.pairs)]
        return set(map(tuple, rows.tolist()))

    assert not combinations(first) & combinations(second)
    assert len(combinations(first)) == 600
    assert len(combinations(second)) == 200
    assert len(first) / len(every) == pytest.approx(0.75**2, abs=0.05)
    assert len(second) / len(every) == pytest.approx(0.25**2, abs=0.02)
    assert len(first[:7]) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "redundancy"}, "task must be one of shared, unique1, unique2, synergy; found"),
        ({"probe": 0}, "probe must be"),
        ({"side": 8}, "side must be a whole number from 16 to 1,024; found 8"),
        ({"augment": {"image": {}}}, "augment.image: no such key among the modalities"),
        ({"augment": {"image1": {"corp": None}}}, "augment.image1.corp: .* did you mean 'crop'"),
        ({"augment": {"image2": {"crop": 0.5}}}, "augment.image2: "),
        ({"augment": {"image2": {"crop": [0.5]}}}, "augment.image2: "),
        ({"augment": {"image2": {"flip": 2}}}, r"augment.image2: flip is a share in \[0, 1\]"),
        ({"plain_crop": (0.0, 1.0)}, "crop is a least and a most above 0, at most 1"),
        ({"views": {"image3": 2}}, "views of 'image3', which is none of image1, image2"),
        ({"device": "nowhere"}, "device: cannot keep pictures on 'nowhere'"),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        Trifeature(**(SMALL | options))
    assert "\n" not in str(refused.value)


def test_a_fusion_model_is_trained_by_a_recipe(tmp_path: Path) -> None:
    tree = small(
        {"class": CLASS, "views": 2, "augment": {"image1": {"crop": [0.2, 1.0]}}, **SMALL},
        fusion={"width": 8, "encoders": dict.fromkeys(NAMES, "ConvMap"), "projector": None},
        objective="CoMM",
    )
    del tree["towers"]
    space = trained(tree, tmp_path / "out")
    assert set(space.names) == {"image1", "image2", "fused"}
    assert len(space["fused"]) == 40


def test_towers_are_trained_by_a_recipe(tmp_path: Path) -> None:
    tree = small({"class": CLASS, **SMALL}, objective="InfoNCE")
    assert set(trained(tree, tmp_path / "out").names) == set(NAMES)
