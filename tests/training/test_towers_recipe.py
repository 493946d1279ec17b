"""Towers with projectors, and weights kept on the way, through recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from isthmus.errors import InputError
from isthmus.models import Towers
from isthmus.readers import read_embeddings
from isthmus.training.checkpoint import kept_weights
from isthmus.training.recipe import Recipe
from isthmus.training.run import run
from tests.training.support import features

HEAD = {"widths": [6], "dimension": 3}


def recipe(folder: Path, **sections: Any) -> Recipe:
    """InfoNCE on cached features; a section's keys may be overridden."""
    tree: dict[str, Any] = {
        "data": {"class": "Features", "source": str(features(folder))},
        "towers": {"dimension": 4},
        "objective": {"class": "InfoNCE"},
        "trainer": {"steps": 2, "batch_size": 10, "accelerator": "cpu"},
        "monitor": {"every": None},
    }
    for name, given in sections.items():
        tree[name] = {**tree.get(name, {}), **given} if isinstance(given, dict) else given
    return Recipe.of(tree, name="towers")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """Six steps of towers with heads; the weights of every other step stay."""
    folder = tmp_path_factory.mktemp("towers")
    made = recipe(
        folder,
        data={"views": 2},
        towers={"projector": HEAD},
        objective={"class": "CrossSelf"},
        trainer={"steps": 6, "keep_every": 2},
    )
    run(made, folder / "out")
    return made, folder / "out"


def model(recipe: Recipe, path: Path) -> Towers:
    made = recipe.model.for_data(recipe.data.make()).make()
    made.load_state_dict(load_file(path))
    assert isinstance(made, Towers)
    return made


def test_each_modality_has_a_head_of_its_own_that_is_trained(trained: tuple[Recipe, Path]) -> None:
    made = model(trained[0], trained[1] / "weights.safetensors")
    heads = list(made.projectors.values())
    assert len(heads) == 2
    assert not torch.equal(heads[0].last.weight, heads[1].last.weight)  # type: ignore[arg-type]
    text = (trained[1] / "recipe.yaml").read_text("utf-8")
    assert "  projector:\n    class: Projector\n    inputs: 4\n    dimension: 3\n" in text


def test_what_is_embedded_is_before_the_head(trained: tuple[Recipe, Path]) -> None:
    found = read_embeddings(trained[1] / "embeddings")
    assert {x.shape[1] for x in found.arrays.values()} == {4}


def test_weights_are_kept_as_often_as_asked_and_the_last_are_the_end(
    trained: tuple[Recipe, Path],
) -> None:
    kept = kept_weights(trained[1] / "weights")
    assert list(kept) == [2, 4, 6]
    end = load_file(trained[1] / "weights.safetensors")
    for name, value in load_file(kept[6]).items():
        np.testing.assert_array_equal(value, end[name])
    early = load_file(kept[2])
    assert any(not torch.equal(early[name], end[name]) for name in end)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"projector": "Linear"}, "towers.projector.class: no projector of that name"),
        ({"projector": 3}, "towers.projector: must be a mapping or a name; found 3"),
        ({"projector": {"width": [4]}}, "towers.projector.width: .*did you mean 'widths'"),
        ({"projector": {"inputs": 9}}, "towers.projector.inputs: must be 4, by the data"),
    ],
)
def test_what_is_wrong_with_a_head_is_named(
    tmp_path: Path, section: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run(recipe(tmp_path, towers=section), tmp_path / "out")


def test_weights_cannot_be_kept_more_often_than_every_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"trainer\.keep_every: must be at least 1; found 0"):
        recipe(tmp_path, trainer={"keep_every": 0})


def test_training_begins_from_the_weights_of_another_run(
    tmp_path: Path, trained: tuple[Recipe, Path]
) -> None:
    weights = trained[1] / "weights.safetensors"
    made = recipe(
        tmp_path,
        data={"source": str(trained[1].parent)},
        towers={"projector": HEAD},
        optimiser={"lr": 1e-12, "weight_decay": 0.0},
        start=str(weights),
    )
    run(made, tmp_path / "out")
    begun, end = (load_file(path) for path in (weights, tmp_path / "out" / "weights.safetensors"))
    for name, value in begun.items():
        torch.testing.assert_close(end[name], value, atol=1e-8, rtol=0)
    assert f"start: {weights}" in (tmp_path / "out" / "recipe.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"start: cannot read weights from .*w\.safetensors \(No such file"),
        (b"{}", r"start: cannot read weights from .*w\.safetensors \(Error while"),
        ("trained", r"start: .*w\.safetensors does not fit the model: 'encoders\.image\S+' has "),
    ],
)
def test_weights_that_cannot_be_taken_over_are_named(
    tmp_path: Path, trained: tuple[Recipe, Path], content: bytes | str | None, message: str
) -> None:
    path = tmp_path / "w.safetensors"
    if content == "trained":
        path.write_bytes((trained[1] / "weights.safetensors").read_bytes())
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        run(recipe(tmp_path, towers={"dimension": 5}, start=str(path)), tmp_path / "out")
