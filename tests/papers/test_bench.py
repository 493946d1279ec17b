"""Cells are trained once, kept, and go on where they stopped."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.embeddings import Embeddings
from isthmus.errors import InputError
from isthmus.papers.bench import Bench
from isthmus.papers.cell import Cell
from isthmus.papers.trained import DONE, RUN, START, Trained
from isthmus.training.build import Spec
from isthmus.training.recipe import Recipe
from isthmus.training.run import untrained
from tests.papers.tiny import ROWS, STEPS, AllForTraining, Rooted, cell, stopped, trainings

__all__ = ["trainings"]

CELLS = [cell(row) for row in ROWS]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[Trained]:
    """Both rows, trained without interruption."""
    return Bench(tmp_path_factory.mktemp("whole")).train(CELLS)


def same(first: Embeddings, second: Embeddings) -> None:
    assert first.names == second.names
    for name in first.names:
        np.testing.assert_array_equal(first[name], second[name], strict=True)


def test_a_cell_leaves_its_space_its_weights_and_an_account(whole: list[Trained]) -> None:
    for found, wanted in zip(whole, CELLS, strict=True):
        assert found.cell is wanted
        assert found.folder.name == wanted.key
        assert {path.name for path in found.folder.iterdir()} >= {RUN, DONE}
        assert {path.name for path in (found.folder / RUN).iterdir()} == {
            *("recipe.yaml", "metrics.csv", "weights.safetensors", "embeddings")
        }
        about = found.about
        assert (about["row"], about["seed"]) == (wanted.row, 0)
        assert about["data"].endswith("40 items to train on, 20 held out")
        assert about["seconds"] > 0
        assert "torch" in about["machine"]
        assert [len(found.space[name]) for name in found.space.names] == [20] * 3
    assert not np.array_equal(whole[0].space["text"], whole[1].space["text"])


def test_what_is_finished_is_not_trained_again(
    whole: list[Trained], trainings: list[tuple[str, bool]]
) -> None:
    out = whole[0].folder.parents[1]
    again = Bench(out).train([*CELLS, Cell("of another table", 0, CELLS[0].recipe)])
    assert trainings == []
    assert again[2].cell.row == "of another table"
    assert again[2].folder == again[0].folder
    for first, second in zip(whole, again, strict=False):
        same(first.space, second.space)


def test_another_recipe_or_seed_of_the_same_row_is_another_training(
    tmp_path: Path, trainings: list[tuple[str, bool]]
) -> None:
    found = Bench(tmp_path).train([cell(), cell(temperature=0.5), cell(seed=1), cell()])
    assert trainings == [("CLIP, seed 0", False), ("CLIP, seed 0", False), ("CLIP, seed 1", False)]
    assert len({each.folder for each in found}) == 3


@pytest.mark.parametrize(
    ("error", "step", "goes_on_at"),
    [
        (RuntimeError("out of memory"), 3, 2),
        (KeyboardInterrupt(), 5, 4),
        (KeyboardInterrupt(), 1, 0),
    ],
)
def test_an_interrupted_cell_goes_on_and_ends_with_the_same_bits(
    tmp_path: Path,
    whole: list[Trained],
    trainings: list[tuple[str, bool]],
    error: BaseException,
    step: int,
    goes_on_at: int,
) -> None:
    with stopped(error, training=2, step=step), pytest.raises((type(error), SystemExit)):
        Bench(tmp_path).train(CELLS)
    assert [title for title, _ in trainings] == ["CLIP, seed 0", "closing, seed 0"]
    assert not (tmp_path / "cells" / CELLS[1].key / DONE).exists()
    trainings.clear()
    with stopped(error, training=9, step=0) as begun:
        found = Bench(tmp_path).train(CELLS)
    assert trainings == [("closing, seed 0", True)]
    assert begun == list(range(goes_on_at, STEPS))
    for first, second in zip(whole, found, strict=True):
        same(first.space, second.space)
        for name in ("weights.safetensors", "metrics.csv", "recipe.yaml"):
            assert (first.folder / RUN / name).read_bytes() == (
                second.folder / RUN / name
            ).read_bytes()


def test_an_end_between_training_and_account_trains_nothing_again(
    tmp_path: Path, whole: list[Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = import_module("isthmus.papers.bench")

    def interrupt() -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bench, "machine", interrupt)
        with pytest.raises(KeyboardInterrupt):
            Bench(tmp_path).train(CELLS[:1])
    with stopped(RuntimeError(), training=9, step=0) as begun:
        found = Bench(tmp_path).train(CELLS[:1])
    assert begun == []
    same(found[0].space, whole[0].space)
    assert not (found[0].folder / RUN / "checkpoints").exists()


def test_the_beginnings_of_a_run_are_begun_anew(tmp_path: Path, whole: list[Trained]) -> None:
    run = tmp_path / "cells" / CELLS[0].key / RUN
    run.mkdir(parents=True)
    (run / ".recipe-half.yaml").write_text("data")
    found = Bench(tmp_path).train(CELLS[:1])
    same(found[0].space, whole[0].space)
    assert not list(run.glob(".recipe*"))


def test_data_that_moved_are_gone_on_with(
    tmp_path: Path, trainings: list[tuple[str, bool]]
) -> None:
    name = f"{Rooted.__module__}.{Rooted.__qualname__}"
    here, there = ({"class": name, "root": root} for root in ("here", "there"))
    with stopped(RuntimeError("cut"), training=1, step=3), pytest.raises(RuntimeError, match="cut"):
        Bench(tmp_path).train([cell(data=here)])
    Bench(tmp_path).train([cell(data=there)])
    assert trainings == [("CLIP, seed 0", False), ("CLIP, seed 0", True)]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            cell(data=f"{AllForTraining.__module__}.{AllForTraining.__qualname__}"),
            "CLIP: its data hold nothing out",
        ),
        (cell(temprature=1), "^CLIP, seed 0: objective.temprature: .*did you mean 'temperature'"),
        (cell(data={"class": "LatentClasses", "rows": 5}), "^CLIP, seed 0: data: rows .* found 5"),
    ],
)
def test_a_cell_that_cannot_be_trained_says_which(
    tmp_path: Path, wrong: Cell, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Bench(tmp_path).train([wrong])


def test_data_are_made_once_for_cells_that_share_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, made = Spec.make, []

    def counted(spec: Spec, *positional: Any) -> Any:
        made.extend([spec.name] if spec.at == "data" else [])
        return make(spec, *positional)

    monkeypatch.setattr(Spec, "make", counted)
    other = cell().recipe["data"] | {"rows": 70}
    found = Bench(tmp_path).train([cell(), cell(seed=1), cell(data=other), cell(temperature=0.5)])
    assert made == ["LatentClasses"] * 3
    said = [each.about["data"] for each in found]
    assert said[0] == said[1] == said[3] == found[0].data().about
    assert said[2] == found[2].data().about != said[0]


def test_the_space_before_training_is_the_one_that_training_starts_from(
    tmp_path: Path, whole: list[Trained]
) -> None:
    frozen = {**cell().recipe, "optimiser": {"lr": 0.0}}
    still = Bench(tmp_path).train([Cell("CLIP", 0, frozen)])[0]
    same(still.start, still.space)
    same(whole[0].start, still.space)
    same(whole[0].start, untrained(Recipe.of(cell().recipe, name="CLIP")))
    assert whole[0].start.labels is not None
    np.testing.assert_array_equal(whole[0].start.labels["text"], whole[0].space.labels["text"])  # type: ignore[index]


def test_the_space_before_training_is_kept_whole_or_not_at_all(
    tmp_path: Path, whole: list[Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied() -> Trained:
        return Trained(whole[0].cell, folder)

    folder = tmp_path / "cell"
    (folder / RUN).mkdir(parents=True)
    (folder / RUN / "embeddings").symlink_to(whole[0].folder / RUN / "embeddings")

    def half(path: Path, *_: Any, **__: Any) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(import_module("isthmus.readers.write")._FILES, ".safetensors", half)
        with pytest.raises(KeyboardInterrupt):
            _ = copied().start
    assert [path.name for path in folder.iterdir()] == [RUN]
    same(copied().start, whole[0].start)
    before = (folder / START).stat().st_mtime_ns
    same(copied().start, whole[0].start)
    assert (folder / START).stat().st_mtime_ns == before


def test_numbers_are_computed_once_and_kept_by_name(whole: list[Trained]) -> None:
    asked = []

    def compute(found: Trained) -> dict[str, Any]:
        asked.append(found)
        return {"rows": len(found.space["text"]), "share": 0.1 + 0.2, "none": None}

    measured = replace(whole[0].cell, measures={"rows-1": compute, "rows-2": compute})
    found = replace(whole[0], cell=measured)
    wanted = {"rows": 20, "share": 0.1 + 0.2, "none": None}
    assert found.numbers("rows-1") == found.numbers("rows-1") == wanted
    assert asked == [found]
    found.numbers("rows-2")
    assert len(asked) == 2


def test_a_cell_begins_where_another_has_ended(
    tmp_path: Path, trainings: list[tuple[str, bool]]
) -> None:
    first = cell()
    slow = {**first.recipe, "optimiser": {"lr": 1e-12, "weight_decay": 0.0}}
    second = Cell("tuned", 0, slow, start=first)
    found = Bench(tmp_path).train([second, first])
    assert [title for title, _ in trainings] == ["CLIP, seed 0", "tuned, seed 0"]
    for name in found[0].space.names:
        np.testing.assert_allclose(found[0].space[name], found[1].space[name], atol=1e-6)
    keys = {c.key for c in (first, second, Cell("fresh", 0, slow), replace(second, start=second))}
    assert len(keys) == 4


@pytest.mark.parametrize("content", ["", "{", "[1]", "null", b"\xff\xfe"])
def test_damaged_files_of_a_cell_are_one_clear_error(tmp_path: Path, content: str | bytes) -> None:
    folder = tmp_path / "cell"
    folder.mkdir()
    for name in (DONE, "columns.json"):
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = Trained(cell(), folder)
    with pytest.raises(InputError, match=r"cannot read .*done\.json .*: remove the file"):
        _ = found.about
    with pytest.raises(InputError, match=r"cannot read .*columns\.json .*: remove the file"):
        found.numbers("columns")


def test_the_course_of_training_is_where_a_column_has_numbers(whole: list[Trained]) -> None:
    steps = [step for step, _ in whole[0].course("loss")]
    assert steps == [1, 2, 4, 6]
    assert whole[0].course("nothing such") == []
    losses = [value for _, value in whole[0].course("loss")]
    assert losses[-1] < losses[0]
