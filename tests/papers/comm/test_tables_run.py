"""CoMM's tables, run on stand-in data, and for a moment on files in their official layouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isthmus.papers import Setting
from isthmus.papers.bench import Bench
from isthmus.papers.cell import Cell
from isthmus.papers.comm.methods import COMM
from isthmus.papers.comm.probes import ACCURACY, AUC, FROZEN, MACRO, NUMBERS, PLAIN, WEIGHTED
from isthmus.papers.comm.table1 import TUNED
from isthmus.papers.comm.table2 import CLIP, CLIP_TRAINED, COMM_CLIP, COMM_TUNED, SLIP_TRAINED
from isthmus.papers.comm.table3 import CMC_THREE
from isthmus.papers.trained import Trained
from tests.datasets.official_mm_imdb import write_mm_imdb
from tests.datasets.official_multibench import mimic_tree, write_affect, write_mimic
from tests.datasets.official_vision_touch import write_vision_touch
from tests.papers.comm.clip_stub import install
from tests.papers.comm.tables import TABLES, rows_of


def shortened(cell: Cell) -> Cell:
    """The same for two steps of four items, on a processor."""
    data = {**cell.data, **({"device": "cpu"} if "device" in cell.data else {})}
    trainer = {"steps": 2, "batch_size": 4, "seed": cell.seed, "accelerator": "cpu"}
    start = None if cell.start is None else shortened(cell.start)
    return replace(cell, recipe={**cell.recipe, "data": data, "trainer": trainer}, start=start)


def run(cells: Sequence[Cell], out: Path) -> dict[str, Trained]:
    """Some rows, trained for a moment."""
    return {f.cell.row: f for f in Bench(out).train([shortened(cell) for cell in cells])}


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("table1-mustard", {ACCURACY, PLAIN, AUC}),
        ("table1-mimic", {ACCURACY, PLAIN, AUC}),
        ("table3-ur-funny", {ACCURACY, PLAIN, AUC}),
    ],
)
def test_files_in_the_official_layout_are_trained_on(
    name: str, columns: set[str], tmp_path: Path
) -> None:
    write_affect(tmp_path, "mustard")
    write_affect(tmp_path, "ur_funny")
    tree = mimic_tree(60)
    tree["y_icd9"][:, 7] = np.arange(60) % 2
    write_mimic(tmp_path, tree)
    cells = rows_of(name, scale="cpu", data_root=tmp_path)
    chosen = list(cells.values())[-4:]  # with classes and without, alone and fused
    found = run(chosen, tmp_path / "out")
    assert len(found) == 4
    for row in found.values():
        numbers = row.numbers(NUMBERS)
        assert set(numbers) == columns
        assert all(0 <= value <= 100 for value in numbers.values())


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("table1-vision-touch", COMM),
        ("table1-vision-touch", TUNED),
        ("table3-vision-touch", CMC_THREE),
    ],
)
def test_a_robot_is_trained_on(name: str, row: str, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    write_vision_touch(tmp_path, parts=(0, 1))
    cells = rows_of(name, data_root=tmp_path)
    numbers = run([cells[row]], tmp_path / "out")[row].numbers(NUMBERS)
    assert set(numbers) == set(TABLES[name].columns)
    assert all(np.isfinite(value) for value in numbers.values())


def test_movies_are_trained_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    write_mm_imdb(tmp_path)
    table = TABLES["table2"]
    setting = Setting.of("paper", seeds=1, data_root=tmp_path)
    chosen = [cell for cell in table.cells(setting) if cell.row != CLIP_TRAINED]
    found = run(chosen, tmp_path / "out")
    assert list(found) == [SLIP_TRAINED, COMM_CLIP, COMM_TUNED]
    outcome = table.evaluate(setting, list(found.values()))
    assert outcome.values.rows == [CLIP, *found]
    assert outcome.values.columns == [WEIGHTED, MACRO]
    assert outcome.values.mean(CLIP, MACRO) == found[COMM_CLIP].numbers(FROZEN)[MACRO]
    model = found[COMM_CLIP].model(found[COMM_CLIP].data())
    assert not any(p.requires_grad for n, p in model.named_parameters() if "encoders" in n)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quick")


@pytest.mark.parametrize("name", ["table1-vision-touch", "table1-mosi", "table2"])
def test_a_table_on_stand_in_data(name: str, out: Path) -> None:
    table, setting = TABLES[name], Setting.of("quick")
    outcome = table.evaluate(setting, Bench(out).train(table.cells(setting)))
    assert outcome.values.columns == list(table.columns)
    assert set(outcome.values.rows) == {p.row for p in table.published}
    assert all(claim.judge(outcome.values).holds is not None for claim in table.claims)
    (card,) = outcome.sections[0].cards
    obtained, published = card.figure.data
    assert list(obtained.x) == list(published.x) == outcome.values.rows
    assert list(obtained.y) == [
        round(outcome.values.mean(row, table.main), 3) for row in outcome.values.rows
    ]
    assert list(published.y) == [p.value for p in table.published if p.column == table.main]
