"""Runs of recipes from start to end."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from isthmus.errors import InputError
from isthmus.metrics.measure import measure
from isthmus.models import Towers
from isthmus.readers import read_embeddings
from isthmus.training.features import Features
from isthmus.training.recipe import Recipe
from isthmus.training.run import run
from tests.conftest import ROOT
from tests.training.support import features, recipe

SMALL = {
    "digits-clip": ["data.scans=60", "data.variants=1"],
    "digits-close-gap": ["data.scans=60", "data.variants=1"],
    "digits-comm": ["data.scans=60", "data.variants=1"],
    "features-close-gap": ["towers.dimension=8"],
}


# features-comm.yaml is trained on the tables of its page, in test_tables_page
EXAMPLES = sorted(p for p in (ROOT / "recipes").glob("*.yaml") if p.stem != "features-comm")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_trains(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    features(tmp_path / "features")
    small = ["trainer.steps=2", "trainer.batch_size=12", "trainer.accelerator=cpu"]
    measurement = run(Recipe.load(path, [*small, *SMALL[path.stem]]), "out")
    assert measurement is not None
    assert {p.name for p in Path("out").iterdir()} == {
        *("recipe.yaml", "metrics.csv", "weights.safetensors", "embeddings", "checkpoints")
    }
    order = [modality.name for modality in measurement.modalities]
    again = measure(read_embeddings("out/embeddings").select(order))
    assert again.to_dict() == measurement.to_dict()


def test_the_recipe_beside_a_run_gives_the_same_run(tmp_path: Path) -> None:
    path = recipe(tmp_path, steps=3, dropout=0.2)
    run(Recipe.load(path), tmp_path / "first")
    run(Recipe.load(tmp_path / "first" / "recipe.yaml"), tmp_path / "second")
    for name in ("recipe.yaml", "weights.safetensors", "metrics.csv"):
        first, second = (tmp_path / run_name / name for run_name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_training_pulls_true_pairs_together(tmp_path: Path) -> None:
    pair_cosines = []
    for steps in (1, 150):
        out = tmp_path / str(steps)
        changed = ["optimiser.lr=1e-2", f"trainer.steps={steps}", "monitor.every=null"]
        measurement = run(Recipe.load(recipe(tmp_path), changed), out)
        assert measurement is not None
        pair_cosines.append(measurement.pairs[0].pair_cosine)
    assert pair_cosines[1] > pair_cosines[0] + 0.3


@pytest.mark.parametrize("chunk", [1, 4, 10, 64])
def test_chunks_give_the_weights_of_whole_batches(tmp_path: Path, chunk: int) -> None:
    path = recipe(tmp_path, steps=5)
    run(Recipe.load(path), tmp_path / "whole")
    run(Recipe.load(path, [f"trainer.chunk={chunk}"]), tmp_path / "chunks")
    whole, chunks = (load_file(tmp_path / n / "weights.safetensors") for n in ("whole", "chunks"))
    for name in whole:
        torch.testing.assert_close(chunks[name], whole[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("chunk", [None, 4])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_clipping_and_precision_change_the_run(
    tmp_path: Path, chunk: int | None, precision: str
) -> None:
    path = recipe(tmp_path, steps=3, chunk=chunk, precision=precision)
    text = path.read_text().replace("trainer:", "optimiser: {class: SGD, lr: 0.1}\ntrainer:")
    path.write_text(text)
    weights = []
    for clip in ("null", "1e-4"):
        run(Recipe.load(path, [f"trainer.gradient_clip={clip}"]), tmp_path / clip)
        weights.append(load_file(tmp_path / clip / "weights.safetensors"))
    torch.manual_seed(0)
    start = Recipe.load(path).model.for_data(Features(source=str(tmp_path / "features")))
    built = start.make().state_dict()
    moved = [max(float((w[k] - built[k]).abs().max()) for k in w if "weight" in k) for w in weights]
    assert moved[1] < 1e-4 < 1e-3 < moved[0]


def uneven(folder: Path) -> Path:
    """Twelve images, two captions for each of the first ten, and one caption without an image."""
    rng = np.random.default_rng(0)
    np.savez(
        folder / "set.npz",
        image=rng.normal(size=(12, 6)).astype(np.float16),
        text=rng.normal(size=(21, 3)),
        **{"image.groups": np.arange(12), "image.labels": np.arange(12) % 2},
        **{"text.groups": np.r_[np.repeat(np.arange(10), 2), 99]},
        **{"text.labels": np.r_[np.repeat(np.arange(10), 2), 99] % 2},
    )
    return folder / "set.npz"


def test_items_pair_every_row_of_the_larger_side_within_its_group(tmp_path: Path) -> None:
    path = uneven(tmp_path)
    data = Features(source=str(path), held_out=0.2, seed=1)
    assert data.shapes == {"image": {"inputs": 6}, "text": {"inputs": 3}}
    assert len(data.train) == 2 * 8
    batch = data.train.take(np.arange(16))
    with np.load(path) as stored:
        places = {
            name: [
                int(np.flatnonzero((stored[name].astype(np.float32) == row.numpy()).all(1))[0])
                for row in batch[name]
            ]
            for name in ("image", "text")
        }
    assert [p // 2 for p in places["text"]] == places["image"]
    assert len(set(places["text"])) == 16
    group = batch["group"].numpy()
    same = np.equal.outer(places["image"], places["image"])
    np.testing.assert_array_equal(np.equal.outer(group, group), same)

    held_out = data.embed(Towers({"image": nn.Linear(6, 2), "text": nn.Linear(3, 2)}))
    assert {name: len(rows) for name, rows in held_out.arrays.items()} == {"image": 2, "text": 4}
    assert held_out.labels is not None
    unseen = set(held_out.groups["image"].tolist())
    assert unseen == set(range(10)) - set(places["image"])
    assert set(held_out.groups["text"].tolist()) == unseen


def test_nothing_held_out_trains_on_all_and_measures_nothing(tmp_path: Path) -> None:
    path = recipe(tmp_path, steps=2)
    assert (
        run(Recipe.load(path, ["data.held_out=0", "trainer.batch_size=60"]), tmp_path / "o") is None
    )
    assert not (tmp_path / "o" / "embeddings").exists()


class Doubled(nn.Module):
    """An encoder of one's own."""

    def __init__(self, *, inputs: int, dimension: int, factor: float = 2.0) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, dimension)
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * self.linear(x)


def test_an_encoder_of_ones_own_is_named_by_its_path(tmp_path: Path) -> None:
    own = "tests.training.test_train.Doubled"
    path = recipe(tmp_path, steps=2)
    run(Recipe.load(path, [f"towers.image={{class: {own}, factor: 3}}"]), tmp_path / "out")
    saved = yaml.safe_load((tmp_path / "out" / "recipe.yaml").read_text())["towers"]["image"]
    assert saved == {"class": own, "inputs": 7, "dimension": 4, "factor": 3.0}
    assert "encoders.image.linear.weight" in load_file(tmp_path / "out" / "weights.safetensors")


def nan_row(folder: Path) -> None:
    rows: NDArray[np.float32] = np.load(folder / "features" / "text.npy")
    rows[17, 1] = np.nan
    np.save(folder / "features" / "text.npy", rows)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trainer.batch_size=100"], "--set: trainer.batch_size: must be at most 54, .* found 100"),
        (["data.source=nothing"], "recipe.yaml: data: .*no such file or folder: nothing"),
        (["data.held_out=2"], "data: held_out is a share"),
        (["data.held_out=0.99"], "too few to train on"),
        (["data.labels=nothing"], "'nothing' is neither an array of the source"),
        (["objective=SimCLR"], "objective: .*views"),
        (["objective.anchor=sound"], "objective: no modality 'sound'"),
        (["data={class: Digits, scans: 0}", "towers={}"], "data: needs at least 1 variant"),
        (["towers.text=BagOfWords"], "towers.text: BagOfWords needs 'words'"),
        (["towers.text={class: Linear, dimension: 3}"], "towers.text.dimension: must be 4"),
        (["trainer.accelerator=gpu"], "trainer: No supported gpu"),
        (["optimiser.lr=-1"], "optimiser: Invalid learning rate"),
        (["optimiser.lr=1e30"], "at step [23]: lower the learning rate"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    if "gpu" in str(overrides) and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    path = recipe(tmp_path, steps=3)
    with pytest.raises(InputError, match=message):
        run(Recipe.load(path, overrides), tmp_path / "out")


def test_rows_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    nan_row(tmp_path)
    with pytest.raises(InputError, match=r"recipe.yaml: data: .*'text' has NaN .* row 17"):
        run(Recipe.load(path), tmp_path / "out")
