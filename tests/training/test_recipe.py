"""Recipes: what they mean, and what is refused in which words."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import torch
import yaml

from isthmus.errors import InputError
from isthmus.objectives import CloseGap, InfoNCE, WeightedSum
from isthmus.training.build import OBJECTIVE, resolve
from isthmus.training.data import Data, Digits
from isthmus.training.recipe import Monitor, Recipe, Trainer, to_yaml
from tests.conftest import ROOT

BASE = "data: Digits\nobjective: InfoNCE\n"


def load(tmp_path: Path, text: str, *overrides: str) -> Recipe:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    return Recipe.load(path, overrides)


class Fake(Data):
    def __init__(self) -> None:
        self.encoders = {"image": "SmallConvNet", "text": "BagOfWords"}
        self.shapes = {"image": {"side": 28}, "text": {"words": 26}}


def test_two_names_are_a_recipe_and_everything_else_has_a_default(tmp_path: Path) -> None:
    recipe = load(tmp_path, BASE)
    assert isinstance(recipe.objective.make(), InfoNCE)
    optimiser = recipe.optimiser.make([torch.nn.Parameter(torch.zeros(1))])
    assert isinstance(optimiser, torch.optim.AdamW)
    assert tuple(optimiser.defaults["betas"]) == (0.9, 0.98)
    assert recipe.schedule.make()(0, 10) == 1.0
    assert recipe.data.cls is Digits
    assert (recipe.trainer.steps, recipe.trainer.chunk, recipe.monitor.every) == (1000, None, 100)


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda p: p.stem)
def test_what_is_written_beside_a_run_is_the_same_recipe(path: Path, tmp_path: Path) -> None:
    first = Recipe.load(path)
    text = to_yaml(first.plain(first.model.for_data(Fake())))
    again = load(tmp_path, text)
    assert again.plain(again.model.for_data(Fake())) == yaml.safe_load(text)


BLOCKS = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "train.md").read_text("utf-8"), re.S)


@pytest.mark.parametrize("text", BLOCKS)
def test_every_recipe_in_the_documentation_is_one(tmp_path: Path, text: str) -> None:
    load(tmp_path, text).objective.make()


@pytest.mark.parametrize("section", [Trainer, Monitor])
def test_every_key_is_documented_with_its_default(section: type[Trainer | Monitor]) -> None:
    page = (ROOT / "docs" / "train.md").read_text("utf-8")
    for field in fields(section):
        default = "null" if field.default is None else field.default
        assert re.search(rf"`{field.name}`? ?[|:] ?{default}\b", page), field.name


def test_schedules_sums_and_nested_classes_are_made(tmp_path: Path) -> None:
    text = """
    data: Digits
    objective:
      class: WeightedSum
      objectives:
        contrast: {class: InfoNCE, temperature: {class: Cosine, low: 0.1, high: 1}}
        close: {class: CloseGap, align_weight: {class: Piecewise, points: [[0, 1], [1, 3]]}}
      weights: {close: 2, contrast: {class: Piecewise, points: [[0.5, 1e-1]]}}
    """
    objective = load(tmp_path, text).objective.make()
    assert isinstance(objective, WeightedSum)
    close = objective.objectives["close"]
    assert isinstance(close, CloseGap)
    assert objective.weights["close"] == 2.0
    assert objective.weights["contrast"](0.7) == 0.1  # type: ignore[operator]
    assert close.sum.weights["align"](0.5) == 2.0  # type: ignore[operator]
    assert objective.at(0.5).temperature == pytest.approx(0.1)


@pytest.mark.parametrize("name", sorted(OBJECTIVE.names()))
def test_every_objective_has_a_name_and_defaults_that_can_be_written(name: str) -> None:
    needed = {"modalities": ["image", "text"], "width": 4} if name == "FactorCL" else {}
    needed |= {"outputs": 2, "width": 4} if name == "Supervised" else {}
    needed |= {"across": True} if name == "Consistency" else {}
    needed |= {"objectives": {"a": "InfoNCE"}} if name == "WeightedSum" else {}
    spec = resolve({"class": name, **needed}, OBJECTIVE, "objective", context={})
    again = resolve(yaml.safe_load(to_yaml(spec.plain())), OBJECTIVE, "objective", context={})
    assert again.plain() == spec.plain()
    assert type(spec.make()) is type(again.make()) is OBJECTIVE.names()[name]


def test_set_overrides_with_yaml_values_and_makes_sections(tmp_path: Path) -> None:
    recipe = load(
        tmp_path,
        BASE,
        *("objective.temperature=5e-2", "objective.learnable=true", "trainer.devices=[0, 1]"),
        *("optimiser.lr=1e-4", "towers.image.widths=[4, 8]", "monitor.every=null"),
    )
    assert recipe.objective.make().temperature == pytest.approx(0.05)
    assert recipe.objective.arguments["learnable"] is True
    assert recipe.trainer.devices == [0, 1]
    assert recipe.optimiser.arguments["lr"] == 1e-4
    assert recipe.monitor.every is None
    image = recipe.model.for_data(Fake()).plain()["towers"]["image"]
    assert (image["widths"], image["dimension"]) == ([4, 8], 64)


def test_another_class_is_named_as_a_whole(tmp_path: Path) -> None:
    recipe = load(tmp_path, BASE, "objective={class: CloseGap, to_centroid: true}")
    assert isinstance(recipe.objective.make(), CloseGap)


REFUSED = {
    "objektive: InfoNCE\ndata: Digits": "objektive: no such key .* 'InfoNCE'; .*'objective'",
    "data: Digits": "objective: is missing",
    "data: Digts\nobjective: InfoNCE": "data.class: no data set .* 'Digts'; did you mean 'Digits'",
    "data: Digits\nobjective: infonce": "objective.class: .* 'infonce'; did you mean 'InfoNCE'",
    "data: Digits\nobjective: {temperature: 1}": "objective: must name the objective as 'class",
    "data: Digits\nobjective: {class: InfoNCE, temperatur: 0.1}": (
        "objective.temperatur: no such key of InfoNCE, found 0.1; did you mean 'temperature'"
    ),
    "data: Digits\nobjective: {class: InfoNCE, temperature: hot}": (
        "objective.temperature: must be a number or a schedule.*; found 'hot'"
    ),
    "data: Digits\nobjective: {class: InfoNCE, bounds: [0.1]}": "bounds: must be a list of 2",
    "data: Digits\nobjective: {class: InfoNCE, learnable: 1}": "learnable: must be true or false",
    "data: Digits\nobjective: {class: InfoNCE, temperature: .nan}": "temperature: .* found nan",
    "data: Digits\nobjective: {class: WeightedSum, objectives: {a: {class: CloseGap, x: 1}}}": (
        r"objective\.objectives\.a\.x: no such key of CloseGap"
    ),
    "data: Digits\nobjective: {class: CloseGap, align_weight: {class: Cosine, low: 1}}": (
        "align_weight: Cosine needs 'high'"
    ),
    "data: Digits\nobjective: torch.nn.Linear": "no objective, found 'torch.nn.Linear'; it must",
    "data: subprocess.Popen\nobjective: InfoNCE": "no data set, found 'subprocess.Popen'",
    "data: {class: Features}\nobjective: InfoNCE": "data: Features needs 'source'",
    BASE + "trainer: {stesp: 3}": "trainer.stesp: no such key .* found 3; did you mean 'steps'",
    BASE + "trainer: {steps: many}": "trainer.steps: must be a whole number; found 'many'",
    BASE + "trainer: {steps: 0}": "trainer.steps: must be at least 1; found 0",
    BASE + "trainer: [1]": "trainer: must be a mapping",
    BASE + "trainer: {precision: bf16mixed}": "found 'bf16mixed'; did you mean 'bf16-mixed'",
    BASE + "trainer: {strategy: ddp_spawn}": "trainer.strategy: .* did you mean 'ddp'",
    BASE + "trainer: {strategy: fsdp}": "trainer.strategy: .* did you mean 'ddp'",
    BASE + "trainer: {gradient_clip: -1}": "trainer.gradient_clip: must be positive; found -1",
    BASE + "optimizer: {lr: 1}": "optimizer: .* did you mean 'optimiser'",
    BASE + "optimiser: {lr: fast}": "optimiser.lr: must be a number; found 'fast'",
    BASE + "optimiser: {objektive_lr: 1}": "did you mean 'objective_lr'",
    BASE + "optimiser: 3": "optimiser: must be a mapping or a name; found 3",
    BASE + "schedule: WarmupCosine": "did you mean 'WarmUpCosine'",
    BASE + "monitor: {every: 0}": "monitor.every: must be at least 1, or null; found 0",
    BASE + "towers: {dimension: 0}": "towers.dimension: must be at least 1; found 0",
    BASE + "towers: {image: SmalConvNet}": "towers.image.class: .* did you mean 'SmallConvNet'",
    BASE + "towers: {image: os.system}": "towers.image.class: no encoder, found 'os.system'",
    BASE + "towers: {image: nothing.such.Net}": "cannot import 'nothing.such' .* PYTHONPATH",
    "data: !!python/object/apply:os.getcwd []": "line 1: could not determine a constructor",
    "a: b: c": "line 1: mapping values are not allowed",
    "data: Digits\ndata: Digits": "line 2: the key 'data' is there twice",
    "- 1": "a recipe is a mapping .* found list",
    "": "a recipe is a mapping .* found nothing",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_wrong_recipe_is_refused_in_one_line_that_names_file_and_key(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path, text)
    message = str(refused.value)
    assert message.startswith(f"{tmp_path / 'r.yaml'}: ")
    assert "\n" not in message
    assert re.search(REFUSED[text], message)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.steps=x", "^--set: trainer.steps: must be a whole number; found 'x'"),
        ("objective.temperatre=1", "^--set: objective.temperatre: .* did you mean 'temperature'"),
        ("trainer", "^--set takes key.key=VALUE"),
        ("trainer..steps=3", "^--set takes key.key=VALUE"),
        ("towers.dimension.x=3", "^--set: towers.dimension: holds no keys"),
        ("trainer.steps=[", "^--set: line 1: "),
    ],
)
def test_a_wrong_override_is_refused_as_such(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(tmp_path, BASE + "towers: {dimension: 8}", override)


@pytest.mark.parametrize(
    ("towers", "message"),
    [
        ("{imgae: SmallConvNet}", "towers.imgae: .* did you mean 'image'"),
        ("{image: {class: SmallConvNet, side: 32}}", "towers.image.side: must be 28, .* found 32"),
        ("{image: {class: SmallConvNet, dimension: 32}}", "image.dimension: must be 64"),
        ("{image: torch.nn.Linear}", "towers.image: torch.nn.Linear needs 'in_features'"),
    ],
)
def test_towers_that_do_not_fit_the_data_are_refused(
    tmp_path: Path, towers: str, message: str
) -> None:
    recipe = load(tmp_path, BASE + f"towers: {towers}")
    with recipe.naming(), pytest.raises(InputError, match=message):
        recipe.model.for_data(Fake())


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("{class: InfoNCE, temperature: 5}", "objective: need 0 < 0.01 <= temperature"),
        ("{class: CloseGap, align_weight: {class: Piecewise}}", "align_weight: points must rise"),
    ],
)
def test_what_a_class_refuses_names_its_place(tmp_path: Path, objective: str, message: str) -> None:
    recipe = load(tmp_path, f"data: Digits\nobjective: {objective}")
    with pytest.raises(InputError, match=f"r.yaml: .*{message}"), recipe.naming():
        recipe.objective.make()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the recipe .*none.yaml: No such file"):
        Recipe.load(tmp_path / "none.yaml")
