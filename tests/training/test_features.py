"""Views and missing modalities of cached features, alone and through a recipe."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from isthmus import InputError
from isthmus.training import Features
from isthmus.training.batches import seed_step
from isthmus.training.recipe import Recipe
from isthmus.training.run import run
from tests.training.support import features


def partly(folder: Path) -> Path:
    """Thirty groups, of which a third lack an image and two lack a text."""
    rng = np.random.default_rng(0)
    np.savez(
        folder / "set.npz",
        image=rng.normal(size=(20, 6)),
        text=rng.normal(size=(28, 3)),
        **{"image.groups": np.arange(20), "text.groups": np.arange(2, 30)},
    )
    return folder / "set.npz"


@pytest.mark.parametrize(
    ("count", "keys", "changed"),
    [
        (1, ["image", "text"], []),
        (2, ["image", "image/1", "text", "text/1"], ["image", "image/1"]),
        (
            3,
            ["image", "image/1", "image/2", "text", "text/1", "text/2"],
            ["image/1", "image/2"],
        ),
    ],
)
def test_of_two_views_both_are_augmented_of_three_all_but_the_first(
    tmp_path: Path, count: int, keys: list[str], changed: list[str]
) -> None:
    source = str(features(tmp_path / "features"))
    plain = Features(source=source).train.take(np.arange(8))
    batch = Features(source=source, views=count).train.take(np.arange(8))
    assert [key for key in batch if key != "group"] == keys
    for key in keys:
        same = torch.equal(batch[key], plain[key.partition("/")[0]])
        assert same == (key.replace("text", "image") not in changed)


def test_augmentation_is_a_function_of_the_seed_and_as_strong_as_said(tmp_path: Path) -> None:
    source = str(features(tmp_path / "features", rows=400))
    plain = Features(source=source).train.take(np.arange(300))["image"]

    def drawn(**given: Any) -> torch.Tensor:
        seed_step(0, 0, 5, "data")
        return Features(source=source, views=2, **given).train.take(np.arange(300))["image"]

    assert torch.equal(drawn(), drawn())
    noise = (drawn(noise=0.2, drop=0.0) - plain) / plain.square().mean(dim=1, keepdim=True).sqrt()
    assert noise.std().item() == pytest.approx(0.2, rel=0.1)
    dropped = drawn(noise=0.0, drop=0.3)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.04)
    assert torch.equal(dropped[dropped != 0], plain[dropped != 0])


def test_groups_that_lack_a_modality_are_trained_on_if_asked_for(tmp_path: Path) -> None:
    source = str(partly(tmp_path))
    whole, data = Features(source=source), Features(source=source, incomplete=True)
    assert (len(whole.train), len(data.train)) == (18 - 2, 30 - 2)
    batch = data.train.take(np.arange(28))
    assert batch["image/present"].sum() == 20 - 2
    assert batch["text/present"].sum() == 28 - 2
    assert (batch["image/present"] | batch["text/present"]).all()
    assert set(whole.train.take(np.arange(4))) == {"image", "text"}


RECIPES: dict[str, dict[str, Any]] = {
    "views of all": {"data": {"views": 2}, "objective": "CrossSelf"},
    "views of one": {"data": {"views": {"image": 3}}, "objective": "SLIP"},
    "one modality": {"data": {"views": 2}, "objective": {"class": "SimCLR", "modality": "text"}},
    "missing modalities": {"data": {"incomplete": True}, "objective": "CloseGap"},
}


def weights(folder: Path, given: dict[str, Any], source: Path, **trainer: Any) -> bytes:
    tree = {
        "data": {"class": "Features", "source": str(source), **given["data"]},
        "towers": {"dimension": 4},
        "objective": given["objective"],
        "trainer": {"steps": 3, "batch_size": 14, "accelerator": "cpu", **trainer},
        "monitor": {"every": None},
    }
    folder.mkdir()
    (folder / "recipe.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    run(Recipe.load(folder / "recipe.yaml"), folder / "run")
    return (folder / "run" / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_train_with_views_and_masks_whole_and_in_chunks(tmp_path: Path, name: str) -> None:
    from safetensors.torch import load

    missing = name == "missing modalities"
    source = partly(tmp_path) if missing else features(tmp_path / "features")
    whole = load(weights(tmp_path / "whole", RECIPES[name], source))
    again = load(weights(tmp_path / "again", RECIPES[name], source))
    chunked = load(weights(tmp_path / "chunked", RECIPES[name], source, chunk=5))
    for key, value in whole.items():
        assert torch.equal(value, again[key])
        torch.testing.assert_close(value, chunked[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"views": {"sound": 2}}, "views of 'sound', which is none of image, text"),
        ({"views": 0}, "at least one view; found 0"),
        ({"drop": 1.0}, r"drop in \[0, 1\); found 0.1 and 1.0"),
        ({"noise": -1.0}, "noise must be at least 0"),
        ({"held_out": 1.0}, "share of the groups"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Features(source=str(features(tmp_path / "features")), **given)


def test_an_objective_that_needs_views_says_so_before_training(tmp_path: Path) -> None:
    given = {"data": {}, "objective": "CrossSelf"}
    with pytest.raises(InputError, match=r"objective: .*two augmented views of 'image'"):
        weights(tmp_path / "one", given, features(tmp_path / "features"))
