"""CoMM on real data: what is trained, what begins where, and what is judged."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from isthmus.errors import InputError
from isthmus.papers import Setting
from isthmus.papers.comm.bench_table import BenchTable
from isthmus.papers.comm.methods import COMM, CROSS, CROSS_SELF, FACTOR_CL
from isthmus.papers.comm.probes import ACCURACY, MSE, WEIGHTED
from isthmus.papers.comm.table1 import FACTOR_CL_SUP, SUP_CON, TUNED
from isthmus.papers.comm.table2 import CLIP, CLIP_TRAINED, COMM_CLIP, COMM_TUNED
from isthmus.papers.comm.table3 import CMC_THREE, COMM_THREE, COMM_TWO, CROSS_TWO
from isthmus.training.recipe import Recipe
from tests.papers.comm.clip_stub import install
from tests.papers.comm.tables import TABLES, rows_of
from tests.papers.judging import Case, Table, claim_tests

ABOVE: Table = {CROSS: {ACCURACY: 60}, COMM: {ACCURACY: 60.1}}
ALIKE: Table = {CROSS: {ACCURACY: 66}, COMM: {ACCURACY: 65}}
ERROR: Table = {CROSS: {MSE: 30}, COMM: {MSE: 15}}
GENRES: Table = {CLIP: {WEIGHTED: 58}, CLIP_TRAINED: {WEIGHTED: 58}, COMM_CLIP: {WEIGHTED: 60}}
THREE: Table = {COMM_TWO: {ACCURACY: 63}, COMM_THREE: {ACCURACY: 63.5}, CMC_THREE: {ACCURACY: 63.5}}

CASES: dict[str, Case] = {
    **{
        f"{name} is above": (TABLES[f"table1-{name}"].claims[0], ABOVE, {}, [(COMM, ACCURACY, 60)])
        for name in ("mosi", "ur-funny", "mustard")
    },
    "mimic is alike": (
        TABLES["table1-mimic"].claims[0],
        ALIKE,
        {COMM: {ACCURACY: 67}},
        [(COMM, ACCURACY, 64.9), (COMM, ACCURACY, 67.1)],
    ),
    "the error": (TABLES["table1-vision-touch"].claims[0], ERROR, {}, [(COMM, MSE, 15.1)]),
    "genres": (
        TABLES["table2"].claims[0],
        GENRES,
        {COMM_CLIP: {WEIGHTED: 70}},
        [(COMM_CLIP, WEIGHTED, 59.9)],
    ),
    "genres, trained": (TABLES["table2"].claims[1], GENRES, {}, [(CLIP_TRAINED, WEIGHTED, 58.1)]),
    "three modalities": (
        TABLES["table3-ur-funny"].claims[0],
        THREE,
        {},
        [(COMM_TWO, ACCURACY, 63.1), (CMC_THREE, ACCURACY, 63.6)],
    ),
}


TestClaims = claim_tests(CASES)


@pytest.fixture
def clip(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@pytest.mark.usefixtures("clip")
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_row_is_trained_at_every_seed_and_scale(table: BenchTable, tmp_path: Path) -> None:
    for scale in table.needs.minutes:
        cells = table.cells(Setting.of(scale, seeds=2, data_root=tmp_path))
        rows = [cell.row for cell in cells]
        assert len({cell.key for cell in cells}) == len(cells) == 2 * len(set(rows))
        for cell in cells:
            Recipe.of(cell.recipe, name=cell.title)
            assert cell.data.get("root") == (None if scale == "quick" else str(tmp_path))
    published = {p.row for p in table.published}
    assert published - {CLIP} == set(rows)
    assert {p.column for p in table.published} <= set(table.columns)


def test_fine_tuning_goes_on_from_comm() -> None:
    cells = rows_of("table1-mimic")
    tuned, start = cells[TUNED], cells[TUNED].start
    assert start is not None
    assert start.key == cells[COMM].key
    assert tuned.recipe["fusion"] == start.recipe["fusion"]
    assert tuned.recipe["trainer"]["steps"] * 5 == start.recipe["trainer"]["steps"] == 45_200
    assert tuned.recipe["optimiser"]["lr"] == pytest.approx(start.recipe["optimiser"]["lr"] / 10)
    labelled = {row for row, cell in cells.items() if cell.data.get("labelled")}
    assert labelled == {TUNED, SUP_CON, FACTOR_CL_SUP}
    assert set(rows_of("table1-vision-touch")) == {CROSS, CROSS_SELF, FACTOR_CL, COMM, TUNED}


@pytest.mark.usefixtures("clip")
@pytest.mark.parametrize(
    ("table", "tuned", "whole", "kind", "outputs"),
    [
        ("table1-vision-touch", TUNED, COMM, "regression", 4),
        ("table2", COMM_TUNED, COMM_CLIP, "labels", 23),
    ],
)
def test_numbers_and_labels_are_learnt_by_a_linear_map(
    table: str, tuned: str, whole: str, kind: str, outputs: int, tmp_path: Path
) -> None:
    (cell,) = [
        cell
        for cell in TABLES[table].cells(Setting.of("paper", seeds=1, data_root=tmp_path))
        if cell.row == tuned
    ]
    assert cell.recipe["objective"] == {
        "class": "Supervised",
        "modalities": ["fused"],
        "kind": kind,
        "outputs": outputs,
        "width": 256,
    }
    assert cell.data["labelled"]
    assert cell.start is not None
    assert cell.start.row == whole
    rate = cell.start.recipe["optimiser"]["lr"]
    assert cell.recipe["optimiser"]["objective_lr"] == rate
    assert cell.recipe["optimiser"]["lr"] == pytest.approx(rate / 10)


def test_what_the_paper_sets_is_set() -> None:
    mosi, three, robot = (
        rows_of(name) for name in ("table1-mosi", "table3-ur-funny", "table1-vision-touch")
    )
    recipe = mosi[COMM].recipe
    assert recipe["optimiser"] == {"lr": 1e-3, "weight_decay": 1e-2, "objective_lr": 1e-3}
    assert recipe["fusion"]["width"] == 40
    assert set(recipe["fusion"]["encoders"]) == {"vision", "text"}
    assert recipe["fusion"]["encoders"]["text"] == {
        "class": "SequenceTransformer",
        "dimension": 40,
        "layers": 5,
        "heads": 5,
        "hidden": 2048,
        "dropout": 0.1,
        "positions": False,
    }
    assert recipe["trainer"]["batch_size"] == 64
    assert three[COMM_THREE].data["modalities"] == ["vision", "text", "audio"]
    assert three[COMM_THREE].recipe["optimiser"]["lr"] == 1e-4
    assert three[COMM_TWO].recipe["optimiser"]["lr"] == 1e-3
    assert three[CMC_THREE].recipe["towers"]["projector"] == {"widths": [], "dimension": 13}
    assert robot[COMM].recipe["fusion"]["encoders"]["force"]["adapter"] == "FeatureAdapter"
    assert robot[CROSS].recipe["towers"]["dimension"] == 128


def test_what_two_tables_train_is_trained_once() -> None:
    one, three = rows_of("table1-ur-funny"), rows_of("table3-ur-funny")
    assert one[COMM].key == three[COMM_TWO].key
    assert one[CROSS].key == three[CROSS_TWO].key
    stand_ins = [rows_of(f"table1-{name}", scale="quick") for name in ("mosi", "mimic")]
    assert len({cells[COMM].key for cells in stand_ins}) == 1


def test_a_clip_that_is_not_there_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(InputError, match="no pretrained CLIP at hand") as caught:
        rows_of("table2", data_root=tmp_path)
    said = str(caught.value)
    assert "\n" not in said
    for part in ("open_clip_torch", "isthmus[open_clip,transformers]", str(tmp_path / "clip")):
        assert part in said
    rows_of("table2", scale="quick")


def test_weights_that_are_saved_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from isthmus.papers.comm import clip as weights

    monkeypatch.setattr(weights, "_check", lambda *_: None)
    image, text = tmp_path / "clip" / weights.IMAGE_FILE, tmp_path / "clip" / weights.TEXT
    text.mkdir(parents=True)
    image.touch()
    cells = rows_of("table2", data_root=tmp_path)
    assert cells[COMM_CLIP].data["tokens"] == f"transformers:{text}"
    assert cells[CLIP_TRAINED].recipe["towers"]["image"]["pretrained"] == str(image)
