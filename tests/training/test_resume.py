"""A run that is killed and resumed ends with the bits of one that was not."""

import csv
import random
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from isthmus.errors import InputError
from isthmus.training.checkpoint import checkpoints, latest
from isthmus.training.recipe import Recipe
from isthmus.training.run import run
from tests.training.support import STEPS, finish, recipe, start, train

NOISY = {"data": "tests.training.support.NoisyFeatures", "dropout": 0.3}


def state(folder: Path) -> dict[str, object]:
    path = checkpoints(folder / "checkpoints")[0]
    found: dict[str, object] = torch.load(path, weights_only=True)
    return {key: found[key] for key in ("state_dict", "optimizer_states", "lr_schedulers")}


def assert_same_bits(a: object, b: object) -> None:
    if isinstance(a, torch.Tensor):
        assert isinstance(b, torch.Tensor)
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert isinstance(b, dict)
        assert list(a) == list(b)
        for key in a:
            assert_same_bits(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert isinstance(b, list | tuple)
        for x, y in zip(a, b, strict=True):
            assert_same_bits(x, y)
    else:
        assert a == b


@pytest.fixture(scope="module", params=[{}, {"chunk": 4}], ids=["whole", "in chunks"])
def undisturbed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("undisturbed")
    path = recipe(folder, **NOISY, **request.param)  # type: ignore[arg-type]
    assert finish(start(train, path, folder / "run", {})) == 0
    return path, folder / "run"


def test_killed_at_two_random_steps_and_while_it_writes(
    undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    path, expected = undisturbed
    out = tmp_path / "run"
    first, second = sorted(random.Random(7).sample(range(1, STEPS), 2))
    for deaths in ({"kill_at": first}, {"kill_at": second}, {"kill_in_write": 1}):
        process = start(train, path, out, {"resume": out.exists(), **deaths})
        assert finish(process) == -signal.SIGKILL
    assert list((out / "checkpoints").glob(".step-*"))
    assert finish(start(train, path, out, {"resume": True})) == 0
    assert not list((out / "checkpoints").glob(".step-*"))
    assert_same_bits(state(out), state(expected))
    for name in ("weights.safetensors", "embeddings/image.npy", "metrics.csv", "recipe.yaml"):
        assert (out / name).read_bytes() == (expected / name).read_bytes(), name


def test_the_weights_moved_and_every_step_has_its_numbers(undisturbed: tuple[Path, Path]) -> None:
    _, out = undisturbed
    rows = list(csv.DictReader((out / "metrics.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == list(range(STEPS + 1))
    assert len({row["temperature"] for row in rows}) == STEPS + 1
    assert [bool(row["l2m image–text"]) for row in rows] == [k % 4 == 0 for k in range(STEPS + 1)]
    assert [path.stem for path in checkpoints(out / "checkpoints")] == [
        "step-000000012",
        "step-000000009",
    ]


def test_schedules_follow_the_steps(undisturbed: tuple[Path, Path]) -> None:
    _, out = undisturbed
    for row in list(csv.DictReader((out / "metrics.csv").read_text().splitlines()))[1:]:
        progress = (int(row["step"]) - 1) / STEPS
        align = 1 + 2 * max(0.0, progress - 0.2) / 0.8
        total = float(row["info_nce"]) + align * float(row["align"])
        assert float(row["loss"]) == pytest.approx(
            total + float(row["centroid_uniformity"]), abs=1e-5
        )


@pytest.fixture
def short(tmp_path: Path) -> tuple[Path, Path]:
    path = recipe(tmp_path, steps=4, checkpoint_every=2)
    run(Recipe.load(path), tmp_path / "run")
    return path, tmp_path / "run"


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_truncated_checkpoint_is_named_and_the_one_before_is_taken(
    short: tuple[Path, Path],
) -> None:
    path, out = short
    before = load_file(out / "weights.safetensors")
    newest, older = checkpoints(out / "checkpoints")
    truncate(newest)
    said: list[str] = []
    found = latest(out / "checkpoints", say=said.append)
    assert found is not None
    assert (found.path, found.step) == (older, 2)
    assert said[0].startswith(f"{newest} cannot be read")
    run(Recipe.load(path), out, resume=True)
    assert_same_bits(before, load_file(out / "weights.safetensors"))


def test_without_any_readable_checkpoint_there_is_one_clear_error(
    short: tuple[Path, Path],
) -> None:
    path, out = short
    for checkpoint in checkpoints(out / "checkpoints"):
        truncate(checkpoint)
    with pytest.raises(InputError, match=r"no checkpoint in .*checkpoints can be read: remove"):
        run(Recipe.load(path), out, resume=True)


def test_a_finished_run_that_is_resumed_stays_as_it_is(short: tuple[Path, Path]) -> None:
    path, out = short
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    measurement = run(Recipe.load(path), out, resume=True)
    assert measurement is not None
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("objective.temperature=0.5", "objective.temperature: the run in .* has 0.1, found 0.5"),
        ("trainer.steps=9", "trainer.steps: the run in .* has 4, found 9"),
    ],
)
def test_another_recipe_cannot_take_over_a_run(
    short: tuple[Path, Path], override: str, message: str
) -> None:
    path, out = short
    with pytest.raises(InputError, match=message):
        run(Recipe.load(path, [override]), out, resume=True)


def test_a_folder_that_holds_something_is_refused(short: tuple[Path, Path]) -> None:
    path, out = short
    with pytest.raises(InputError, match="is not empty: --resume goes on"):
        run(Recipe.load(path), out)
    with pytest.raises(InputError, match=r"it has no recipe\.yaml"):
        run(Recipe.load(path), out / "embeddings", resume=True)
