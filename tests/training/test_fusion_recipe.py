"""Fusion models through recipes: trained, resumed, in chunks, on ranks, and what is refused."""

import csv
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor

from isthmus.errors import InputError
from isthmus.metrics.neighbours import knn_accuracy
from isthmus.metrics.probe import linear_probe
from isthmus.models import AttentionFuser, Fusion, PatchAdapter, TokenAdapter, VectorAdapter
from isthmus.objectives import CoMM
from isthmus.readers import read_embeddings
from isthmus.training import Digits, Features, profile
from isthmus.training.augment import Crop, Masked
from isthmus.training.checkpoint import checkpoints
from isthmus.training.recipe import Recipe
from isthmus.training.run import run
from tests.training.support import features, finish, start, train
from tests.training.test_features import partly
from tests.training.test_ranks import losses, torchrun
from tests.training.test_recipe import load

FUSION = {"width": 8, "fuser": {"heads": 2}, "projector": {"widths": [6], "dimension": 4}}


def recipe(folder: Path, source: Path, **sections: Any) -> Path:
    """CoMM on two views of cached features; a section's keys may be overridden."""
    tree: dict[str, Any] = {
        "data": {"class": "Features", "source": str(source), "views": 2},
        "fusion": dict(FUSION),
        "objective": {"class": "CoMM"},
        "trainer": {"steps": 6, "batch_size": 10, "accelerator": "cpu", "checkpoint_every": 2},
        "monitor": {"every": None},
    }
    for name, given in sections.items():
        tree[name] = {**tree[name], **given}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(tree))
    return folder / "recipe.yaml"


def weights(out: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = load_file(out / "weights.safetensors")
    return found


def assert_close(one: dict[str, Tensor], other: dict[str, Tensor], **tolerance: float) -> None:
    assert list(one) == list(other)
    for name in one:
        torch.testing.assert_close(one[name], other[name], **tolerance)


def test_a_run_that_is_resumed_ends_with_the_bits_of_one_that_was_not(tmp_path: Path) -> None:
    sections = {"fusion": {"fuser": {"heads": 2, "layers": 2, "dropout": 0.2}}}
    sections["fusion"]["projector"] = {"norm": "batch", "widths": [6], "dimension": 4}
    path = recipe(tmp_path, partly(tmp_path), data={"incomplete": True}, **sections)
    run(Recipe.load(path), tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    checkpoints(tmp_path / "cut" / "checkpoints")[0].unlink()  # as if it had died at step 5
    run(Recipe.load(path), tmp_path / "cut", resume=True)
    for name in ("weights.safetensors", "metrics.csv", "recipe.yaml", "embeddings/fused.npy"):
        first, second = (tmp_path / out / name for out in ("whole", "cut"))
        assert first.read_bytes() == second.read_bytes(), name
    with pytest.raises(InputError, match=r"fusion.fuser.dropout: the run in .* has 0.2, found 0.3"):
        run(Recipe.load(path, ["fusion.fuser.dropout=0.3"]), tmp_path / "cut", resume=True)


@pytest.mark.parametrize("form", ["released", "paper"])
def test_chunks_give_the_weights_of_whole_batches(tmp_path: Path, form: str) -> None:
    data = {"incomplete": True, "views": 2 if form == "released" else 3}
    path = recipe(tmp_path, partly(tmp_path), data=data, objective={"form": form})
    run(Recipe.load(path), tmp_path / "whole")
    run(Recipe.load(path, ["trainer.chunk=4"]), tmp_path / "chunks")
    assert_close(weights(tmp_path / "whole"), weights(tmp_path / "chunks"), rtol=1e-3, atol=1e-5)


def test_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    """Batch normalisation, unequally many rows, and items that lack a modality included."""
    source = partly(tmp_path)
    path = recipe(
        tmp_path,
        source,
        data={"incomplete": True, "noise": 0.0, "drop": 0.0},
        fusion={"projector": {"norm": "batch", "widths": [6], "dimension": 4}},
        trainer={"steps": 3, "batch_size": 11, "log_every": 1},
    )
    torchrun(path, tmp_path / "two", processes=2)
    assert finish(start(train, path, tmp_path / "one", {})) == 0
    np.testing.assert_allclose(losses(tmp_path / "two"), losses(tmp_path / "one"), atol=1e-4)
    assert_close(weights(tmp_path / "two"), weights(tmp_path / "one"), rtol=1e-3, atol=1e-4)


def test_what_only_one_modality_knows_is_kept(tmp_path: Path) -> None:
    """Images and texts share nothing of the class, which images alone tell."""
    rng = np.random.default_rng(0)
    classes, shared = np.arange(240) % 4, rng.normal(size=(240, 2))
    image = np.hstack([shared, 2 * np.eye(4)[classes]]) + 0.2 * rng.normal(size=(240, 6))
    (tmp_path / "source").mkdir()
    for name, rows in (("image", image), ("text", shared @ rng.normal(size=(2, 6)))):
        np.save(tmp_path / "source" / f"{name}.npy", rows.astype(np.float32))
        np.save(tmp_path / "source" / f"{name}.labels.npy", classes)
    path = recipe(
        tmp_path,
        tmp_path / "source",
        data={"held_out": 0.4},
        fusion={"width": 16, "projector": {"widths": [32], "dimension": 16}},
        trainer={"steps": 60, "batch_size": 100, "log_every": 60},
        monitor={"every": 60},
    )
    run(Recipe.load(path, ["optimiser.lr=5e-3"]), tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "metrics.csv").read_text().splitlines()))
    assert float(rows[-1]["loss"]) < float(rows[1]["loss"]) - 1
    space = read_embeddings(tmp_path / "out" / "embeddings")
    assert set(space.names) == {"image", "text", "fused"}
    assert space.dimension == 16
    assert space.labels is not None
    knn = knn_accuracy(space["fused"], space.labels["fused"], space.groups["fused"])
    assert knn == float(rows[-1]["knn fused"])
    found = {
        name: linear_probe(space[name], space.labels[name], space.groups[name]).balanced_accuracy
        for name in space.names
    }
    assert found["fused"] > 0.9
    assert found["text"] < 0.5  # chance is 0.25


def test_held_out_items_are_fused_in_pairs_and_carry_ids_and_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "set.npz",
        image=rng.normal(size=(10, 6)),
        text=rng.normal(size=(20, 3)),
        **{"image.groups": np.arange(10), "text.groups": np.repeat(np.arange(10), 2)},
        **{"image.labels": np.arange(10) % 2, "text.labels": np.repeat(np.arange(10), 2) % 2},
    )
    data = Features(source=str(tmp_path / "set.npz"), held_out=0.4)
    model = Recipe.load(recipe(tmp_path, tmp_path / "set.npz")).model.for_data(data).make()
    space = data.embed(model)
    assert {name: len(rows) for name, rows in space.arrays.items()} == {
        "image": 4,
        "text": 8,
        "fused": 8,
    }
    assert space.labels is not None
    assert (space.groups["fused"] % 2 == space.labels["fused"]).all()
    image, text = (np.load(tmp_path / "set.npz")[name] for name in ("image", "text"))
    assert isinstance(model, Fusion)
    with torch.no_grad():
        given = {"image": np.repeat(image, 2, axis=0), "text": text}
        every = model.eval().features({k: torch.tensor(x).float() for k, x in given.items()})
    kept = np.isin(np.repeat(np.arange(10), 2), space.groups["text"])
    np.testing.assert_allclose(space["fused"], every["fused"][torch.from_numpy(kept)], atol=1e-6)


def test_pictures_and_words_are_augmented_and_the_first_of_three_views_is_not() -> None:
    data = Digits(scans=20, variants=1, views=3)
    batch = data.train.take(np.arange(8))
    plain = Digits(scans=20, variants=1).train.take(np.arange(8))
    for name in ("image", "text"):
        assert torch.equal(batch[name], plain[name])
        assert not torch.equal(batch[f"{name}/1"].float(), batch[f"{name}/2"].float())
    assert data.shapes["text"]["words"] == plain["text"].new_tensor(27)
    assert "group" not in Digits(scans=20, grouped=False).train.take(np.arange(2))


def test_a_crop_of_everything_in_the_same_light_changes_nothing() -> None:
    x = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8)
    torch.testing.assert_close(Crop(least=1.0, light=0.0)(x), x.float())
    assert torch.equal(Masked(9, 0.0)(x.long()), x.long())
    words = Masked(9, 0.3)(torch.zeros(100, 40, dtype=torch.long))
    assert (words == 9).float().mean().item() == pytest.approx(0.3, abs=0.03)
    half = Crop(least=0.25, light=0.0)(torch.arange(64.0).expand(5, 1, 64, 64))
    spans = half.amax(dim=(1, 2, 3)) - half.amin(dim=(1, 2, 3))
    assert ((spans > 30) & (spans < 63)).all()


def test_a_profile_tells_encoders_from_what_fuses_them() -> None:
    model = Fusion(
        {"image": torch.nn.Conv2d(3, 8, 3), "text": torch.nn.Linear(5, 8)},
        adapters={
            "image": PatchAdapter(inputs=8, width=8),
            "text": VectorAdapter(inputs=8, width=8),
        },
        fuser=AttentionFuser(width=8),
    )
    views = {"image": torch.randn(16, 3, 9, 9), "text": torch.randn(16, 5)}
    batch = views | {f"{name}/1": x for name, x in views.items()}
    batch["text/present"] = torch.arange(16) % 2 == 0
    found = profile(model, CoMM(), batch, repeats=1)
    parts = {part.name: part for part in found.parts}
    assert list(parts) == [
        *("encoder image", "encoder text", "rest of the towers", "loss", "optimiser")
    ]
    assert all(part.backward > 0 for name, part in parts.items() if name != "optimiser")
    assert parts["encoder text"].backward < parts["rest of the towers"].backward


DIGITS = "data: Digits\nobjective: CoMM\n"

REFUSED = {
    "fusion: {}\ntowers: {dimension: 8}": "^{}: fusion: a recipe trains .* found both",
    "fusion: 3": "fusion: must be a mapping of keys to values; found 3",
    "fusion: {widht: 8}": "fusion.widht: no such key of fusion, found 8; did you mean 'width'",
    "fusion: {width: 0}": "fusion.width: must be at least 1; found 0",
    "fusion: {width: wide}": "fusion.width: must be a whole number; found 'wide'",
    "fusion: {encoders: [ConvMap]}": "fusion.encoders: must be a mapping",
    "fusion: {encoders: {image: ConvMop}}": "image.class: .* did you mean 'ConvMap'",
    "fusion: {encoders: {image: {class: ConvMap, adaptor: TokenAdapter}}}": (
        "image.adaptor: no such key of ConvMap, .* did you mean 'adapter'"
    ),
    "fusion: {encoders: {image: {class: ConvMap, adapter: PachAdapter}}}": (
        "image.adapter.class: no adapter of that name, .* did you mean 'PatchAdapter'"
    ),
    "fusion: {fuser: AttentionFusr}": "fusion.fuser.class: .* did you mean 'AttentionFuser'",
    "fusion: {fuser: {head: 2}}": "fusion.fuser.head: .* did you mean 'heads'",
    "fusion: {fuser: 2}": "fusion.fuser: must be a mapping or a name; found 2",
    "fusion: {projector: {norm: group}}": "fusion.projector.norm: must be one of layer, batch",
    "fuson: {}": "fuson: .* did you mean 'fusion'",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_wrong_section_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, DIGITS + text)
    assert "\n" not in str(refused.value)
    assert re.search(REFUSED[text].format(tmp_path / "r.yaml"), str(refused.value))


UNFIT = {
    "fusion.encoders.sound=MLP": "fusion.encoders.sound: no such key among the data's modalities",
    "fusion.fuser.heads=3": "fusion.fuser: heads must divide the width, 8; found 3",
    "fusion.encoders.image=torch.nn.Identity": "image.adapter: VectorAdapter needs 'inputs'",
    "fusion.encoders.image={class: MLP, adapter: PatchAdapter}": (
        r"fusion: an encoder does not take its data: PatchAdapter takes \(B, C, H, W\)"
    ),
    "fusion.encoders.image={class: MLP, adapter: {class: VectorAdapter, inputs: 3}}": (
        "image.adapter.inputs: must be 8, by the data and the rest of the recipe; found 3"
    ),
    "data.views=1": "objective: .* two augmented views of 'fused'",
    "data.views=4": "takes one view of each modality, or two or 3 .* found 4 of 'image'",
    "objective=SigLIP": None,
}


@pytest.mark.parametrize("override", UNFIT)
def test_what_does_not_fit_the_data_is_refused_before_training(
    tmp_path: Path, override: str
) -> None:
    path = recipe(tmp_path, features(tmp_path / "features"), trainer={"steps": 1})
    if UNFIT[override] is None:
        run(Recipe.load(path, [override, "data.views=1"]), tmp_path / "out")
        return
    with pytest.raises(InputError, match=UNFIT[override]):
        run(Recipe.load(path, [override]), tmp_path / "out")


def test_without_a_fusion_model_the_error_says_how_to_have_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'fused', .*'fusion:' in place of 'towers:'"):
        run(load(tmp_path, DIGITS + "trainer: {batch_size: 4}", "data.scans=20"), tmp_path / "o")


def test_batch_normalisation_and_chunks_exclude_each_other(tmp_path: Path) -> None:
    path = recipe(tmp_path, features(tmp_path / "features"))
    with pytest.raises(InputError, match=r"trainer\.chunk: .*norm=layer of a projector"):
        run(Recipe.load(path, ["trainer.chunk=5", "fusion.projector.norm=batch"]), tmp_path / "out")


@pytest.mark.parametrize(
    "override",
    [
        "fusion.fuser=CrossAttentionFuser",
        "fusion.fuser=MLPFuser",
        "fusion.fuser=LinearFuser",
        "fusion.projector=null",
        "fusion.encoders.image={class: Linear, dimension: 5, adapter: FeatureAdapter}",
        "fusion.encoders.image={class: torch.nn.Identity, adapter: {class: FeatureAdapter, "
        "inputs: 7}}",
    ],
)
def test_every_part_can_be_named_and_the_saved_recipe_is_the_same(
    tmp_path: Path, override: str
) -> None:
    path = recipe(tmp_path, features(tmp_path / "features"), trainer={"steps": 1})
    run(Recipe.load(path, [override]), tmp_path / "out")
    saved = Recipe.load(tmp_path / "out" / "recipe.yaml")
    model = saved.model.for_data(saved.data.make())
    assert saved.plain(model) == yaml.safe_load(saved.path.read_text())
    model.make().load_state_dict(weights(tmp_path / "out"))


def test_an_encoder_knows_its_adapter(tmp_path: Path) -> None:
    text = DIGITS + "fusion: {width: 16, encoders: {image: ConvMap, text: WordTokens}}"
    model = load(tmp_path, text).model.for_data(Digits(scans=20, variants=1)).make()
    assert isinstance(model, Fusion)
    assert isinstance(model.adapters["image"], PatchAdapter)
    assert isinstance(model.adapters["text"], TokenAdapter)
    default = load(tmp_path, DIGITS + "fusion:").model.for_data(Digits(scans=20)).make()
    assert isinstance(default, Fusion)
    assert isinstance(default.adapters["image"], VectorAdapter)
