"""Vision&Touch as recipes train on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isthmus.datasets.vision_touch import vision_touch
from isthmus.errors import InputError
from isthmus.training.batch_keys import GROUP, TARGETS
from isthmus.training.data import Data
from isthmus.training.sets.vision_touch import VisionTouch
from isthmus.training.splits import Probed
from tests.datasets import official_vision_touch as official
from tests.training.sets.pictured import small, trained

pytest.importorskip("h5py", reason="needs h5py")

CLASS = "isthmus.training.sets.vision_touch.VisionTouch"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("root")
    official.write_vision_touch(folder)
    return str(folder)


def taken(data: VisionTouch, seed: int = 0, rows: int = 8) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return data.train.take(np.arange(rows))


class Means(nn.Module):
    """Each modality by its first numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        assert not self.training
        return {name: x.float().flatten(1)[:, :5] for name, x in batch.items()}


def test_items_are_steps_as_they_are_read(root: str) -> None:
    data = VisionTouch(root=root, modalities=["image", "force", "proprio"])
    steps = vision_touch("train", root=root)
    batch = taken(data)
    rows = np.arange(8)
    np.testing.assert_array_equal(batch["image"], steps.images(rows))
    np.testing.assert_array_equal(batch["force"], steps.force(rows))
    np.testing.assert_array_equal(batch["proprio"], steps.proprio(rows))
    assert (len(data.train), data.held_out) == (42, 12)
    assert data.shapes == {"image": {"side": 128}, "force": {"inputs": 6}, "proprio": {"inputs": 8}}
    assert data.about == (
        "Vision&Touch, end effector, divided by files: 42 items to train on, 6 to validate, "
        "12 held out"
    )
    assert isinstance(data, Data)
    assert isinstance(data, Probed)


@pytest.mark.parametrize(
    ("task", "names", "kind"),
    [
        ("end_effector", ["image", "force"], "regression"),
        ("contact", ["image", "proprio"], "classes"),
    ],
)
def test_the_paper_s_modalities_and_targets(
    root: str, task: Any, names: list[str], kind: str
) -> None:
    data = VisionTouch(root=root, task=task, held_out=5)
    assert (list(data.encoders), data.kind) == (names, kind)
    for split in ("train", "validation", "test"):
        steps = vision_touch(split, root=root, task=task)  # type: ignore[arg-type]
        found = data.features(Means(), split)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.targets, steps.targets)
        assert set(found.rows) == set(names)
        expected = steps.images(np.arange(len(steps))).reshape(len(steps), -1)[:, :5]
        np.testing.assert_array_equal(found.rows["image"], expected)
    space = data.embed(Means())
    chosen = [0, 2, 4, 7, 9]
    np.testing.assert_array_equal(space[names[1]], found.rows[names[1]][chosen])
    if kind == "classes":
        assert space.labels is not None
        np.testing.assert_array_equal(space.labels["image"], steps.targets[chosen])
    else:
        assert space.labels is None


@pytest.mark.parametrize("views", [2, 3])
def test_views_are_augmented_each_in_its_way(root: str, views: int) -> None:
    plain = taken(VisionTouch(root=root, modalities=["image", "force", "proprio"]))
    data = VisionTouch(root=root, modalities=["image", "force", "proprio"], views=views, share=1.0)
    batch, again, other = taken(data), taken(data), taken(data, seed=1)
    names = ["image", "force", "proprio"]
    assert set(batch) == {n + s for n in names for s in ("", "/1", "/2")[:views]}
    assert all(torch.equal(batch[key], again[key]) for key in batch)
    for name in names:
        assert torch.equal(batch[name], plain[name]) == (views == 3)
        assert not torch.equal(batch[name + "/1"], plain[name].float())
        assert not torch.equal(batch[name + "/1"], other[name + "/1"])
    assert batch["image/1"].shape == (8, 3, 128, 128)
    noise = batch["proprio/1"] - plain["proprio"]
    assert 0.06 < float(noise.std()) < 0.14
    calm = VisionTouch(root=root, views=views, noise=0.0, drop=1.0, share=1.0)
    force = taken(calm)["force/1"]
    gone = (force == 0).all(dim=2)
    assert gone.any()
    assert not gone.all()
    assert torch.equal(force[~gone], plain["force"][~gone])


def test_options_of_simclr_reach_the_pictures(root: str) -> None:
    none = {"crop": None, "flip": 0.0, "jitter": None, "grey": 0.0, "blur": None}
    batch = taken(VisionTouch(root=root, views={"image": 2}, augment=none))
    assert torch.equal(batch["image"], batch["image/1"])
    assert "force/1" not in batch


def test_fewer_rows_are_evenly_spread(root: str) -> None:
    every, some = VisionTouch(root=root), VisionTouch(root=root, rows=7)
    torch.manual_seed(0)
    few = some.train.take(np.arange(7))
    for key, x in every.train.take(np.arange(0, 42, 6)).items():
        assert torch.equal(few[key], x)
    assert data_shows(some)


def data_shows(data: VisionTouch) -> bool:
    shown = data.show("image", 3)
    batch = data.splits["test"].items.take(np.array([3]))
    np.testing.assert_array_equal(shown, batch["image"][0].permute(1, 2, 0))
    with pytest.raises(InputError, match="'force' has nothing to look at"):
        data.show("force", 0)
    return True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "touch"}, "task must be one of end_effector, contact; found 'touch'"),
        ({"modalities": ["depth"]}, "some of image, force, proprio, each once; found depth"),
        ({"modalities": ["image", "image"]}, "each once; found image, image"),
        ({"modalities": []}, "each once; found none"),
        ({"views": {"proprio": 2}}, "views of 'proprio', which is none of image, force"),
        ({"augment": {"corp": None}}, "augment.corp: .* did you mean 'crop'"),
        ({"augment": {"crop": 3}}, "augment: "),
        ({"noise": -1}, "standard deviation of noise must be"),
        ({"rows": 1}, "rows must be at least 2; found 1"),
        ({"held_out": 0}, "held_out must be at least 2; found 0"),
        ({"device": "nowhere"}, "device: no 'nowhere' is at hand"),
    ],
)
def test_what_is_wrong_is_said(root: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        VisionTouch(root=root, **options)
    assert "\n" not in str(refused.value)


def test_a_fusion_model_is_trained_by_a_recipe(root: str, tmp_path: Path) -> None:
    encoders = {
        "image": {"class": "ConvMap", "widths": [4, 4, 4]},
        "force": {"class": "SequenceTransformer", "layers": 1, "heads": 2},
    }
    tree = small(
        {"class": CLASS, "views": 2, "rows": 12, "held_out": 8, "root": root},
        fusion={"width": 8, "encoders": encoders, "projector": None},
        objective="CoMM",
    )
    del tree["towers"]
    assert set(trained(tree, tmp_path / "out").names) == {"image", "force", "fused"}


def test_what_comes_next_is_told(root: str) -> None:
    robot = VisionTouch(root=root, labelled=True, rows=5, views=2)
    batch = robot.train.take(np.arange(5))
    assert batch[TARGETS].shape == (5, 4)
    assert batch[TARGETS].mean(dim=0).tolist() == pytest.approx([0] * 4, abs=1e-5)
    assert GROUP not in batch
    contact = VisionTouch(root=root, task="contact", labelled=True, rows=5)
    told = contact.train.take(np.arange(5))[GROUP]
    chosen = np.arange(5) * len(contact.steps["train"]) // 5
    assert told.tolist() == contact.steps["train"].targets[chosen].tolist()
