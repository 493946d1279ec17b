"""CoMM on Trifeature: what is trained, what is shared, what is judged, and one of it run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isthmus.papers import Setting, Values
from isthmus.papers.bench import Bench
from isthmus.papers.comm.fig4 import BARS, COLUMNS, FigureFour
from isthmus.papers.comm.fig5 import FigureFive
from isthmus.papers.comm.methods import (
    ALONE_ONLY,
    COMM,
    CROSS,
    CROSS_SELF,
    FACTOR_CL,
    FUSED_ONLY,
    METHODS,
)
from isthmus.papers.comm.pairs import COURSE, END, SIZES
from isthmus.papers.comm.variants import (
    ATTENTION,
    BOTH,
    LINEAR,
    MLP,
    NONE,
    SECOND,
    TableFive,
    TableFour,
)
from isthmus.papers.trained import Trained
from isthmus.training.recipe import Recipe
from tests.papers.judging import Case, Table, claim_tests

ARTEFACTS = (FigureFour(), FigureFive(), TableFour(), TableFive())

FOUR: Table = {
    CROSS: {"R": 95, "U": 60, "S": 51.4},
    CROSS_SELF: {"R": 95, "U": 90, "S": 48.6},
    FACTOR_CL: {"R": 95},
    COMM: {"R": 95, "U": 80, "S": 58, "S, unbiased": 56},
}
FIVE: Table = {
    ALONE_ONLY: {"R": 80, "U": 70, "S": 50, "R, first": 60},
    FUSED_ONLY: {"R": 70, "U": 70, "S": 60, "R, first": 55},
    COMM: {"R": 75, "U": 70, "S": 61, "R, first": 60},
}
FUSED: Table = {
    ATTENTION: {"R": 99, "S": 60},
    MLP: {"R": 96, "S": 61},
    LINEAR: {"R": 98, "S": 62},
}
CROPPED: Table = {BOTH: {"R": 99, "S": 58}, SECOND: {"R": 96, "S": 53}, NONE: {"R": 98, "S": 50}}

CASES: dict[str, Case] = {
    "what is shared": (
        FigureFour().claims[0],
        FOUR,
        {},
        [(row, "R", 94.9) for row in METHODS],
    ),
    "what is unique": (
        FigureFour().claims[1],
        FOUR,
        {COMM: {"U": 100}},
        [(CROSS, "U", 60.1), (CROSS_SELF, "U", 90.1), (COMM, "U", 100.1)],
    ),
    "what is synergistic": (
        FigureFour().claims[2],
        FOUR,
        {},
        [(COMM, "S", 57.9), (CROSS, "S", 51.6), (CROSS, "S", 48.4), (CROSS_SELF, "S", 51.6)],
    ),
    "the control": (FigureFour().claims[3], FOUR, {}, [(COMM, "S, unbiased", 56.1)]),
    "the order": (
        FigureFive().claims[0],
        FIVE,
        {},
        [(COMM, "S", 60), (FUSED_ONLY, "S", 50), (ALONE_ONLY, "S", 60.5)],
    ),
    "the average": (FigureFive().claims[1], FIVE, {}, [(COMM, "R", 68), (ALONE_ONLY, "U", 90)]),
    "the speed": (FigureFive().claims[2], FIVE, {}, [(FUSED_ONLY, "R, first", 55.1)]),
    "fusion": (
        TableFour().claims[0],
        FUSED,
        {},
        [(ATTENTION, "S", 59.9), (LINEAR, "S", 62.1), (MLP, "R", 95.9)],
    ),
    "crops": (
        TableFive().claims[0],
        CROPPED,
        {},
        [(BOTH, "S", 57.9), (SECOND, "S", 53.1), (NONE, "S", 53.1), (SECOND, "R", 95.9)],
    ),
}


TestClaims = claim_tests(CASES)


@pytest.mark.parametrize("artefact", ARTEFACTS, ids=lambda a: a.name)
@pytest.mark.parametrize("scale", SIZES)
def test_every_row_is_trained_on_both_kinds_of_pairs_at_every_seed(
    artefact: Any, scale: Any
) -> None:
    cells = artefact.cells(Setting.of(scale, seeds=2))
    kinds = {(cell.row, cell.data["biased"], cell.seed) for cell in cells}
    rows = {cell.row for cell in cells}
    assert len(kinds) == len(cells) == 4 * len(rows)
    assert len({cell.key for cell in cells}) == len(cells)
    for cell in cells:
        Recipe.of(cell.recipe, name=cell.title)
        assert cell.recipe["trainer"]["steps"] % cell.recipe["trainer"]["keep_every"] == 0


def test_what_all_of_them_train_is_trained_once() -> None:
    setting = Setting.of("cpu", seeds=1)
    whole = [
        {cell.key for cell in artefact.cells(setting) if cell.row in (COMM, ATTENTION, BOTH)}
        for artefact in ARTEFACTS
    ]
    assert whole == [whole[0]] * 4
    assert len(whole[0]) == 2


def test_parts_of_the_loss_differ_in_their_weights_alone() -> None:
    cells = {c.row: c.recipe for c in FigureFive().cells(Setting.of("cpu", seeds=1))}
    weights = {row: recipe["objective"].get("weights") for row, recipe in cells.items()}
    assert weights == {
        FUSED_ONLY: {"image1": 0.0, "image2": 0.0},
        ALONE_ONLY: {"fused": 0.0},
        COMM: None,
    }
    assert len({str({**recipe, "objective": None}) for recipe in cells.values()}) == 1


def test_crops_are_taken_from_one_picture_or_both() -> None:
    cells = {c.row: c.data["augment"] for c in TableFive().cells(Setting.of("cpu", seeds=1))}
    crops = {row: [own["crop"] for own in augment.values()] for row, augment in cells.items()}
    kept = SIZES["cpu"].data["augment"]["image1"]["crop"]
    assert crops == {BOTH: [kept, kept], SECOND: [None, kept], NONE: [None, None]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> list[Trained]:
    """CoMM on stand-in pictures, and Cross."""
    cells = FigureFour().cells(Setting.of("quick"))
    chosen = [c for c in cells if c.row == COMM or (c.row == CROSS and not c.data["biased"])]
    return Bench(tmp_path_factory.mktemp("comm")).train(chosen)


def test_what_probes_read_is_kept_for_the_end_and_for_the_course(trained: list[Trained]) -> None:
    for found in trained:
        numbers = found.numbers(END)
        biased = found.cell.data["biased"]
        assert set(numbers) == (
            {"S", "S, as they are"} if biased else {"R", "U", "U1", "U2", "S", "S, as they are"}
        )
        assert all(0 <= value <= 100 for value in numbers.values())
        if found.cell.row == COMM:
            course = found.numbers(COURSE)
            assert list(found.kept) == [10, 20]
            assert set(course) == {
                f"{task} at {step}"
                for task in (["S"] if biased else ["R", "U", "U1", "U2", "S"])
                for step in (10, 20)
            }


def test_a_figure_takes_each_number_from_the_training_that_it_is_of(trained: list[Trained]) -> None:
    outcome = FigureFour().evaluate(Setting.of("quick"), trained)
    assert set(outcome.values.columns) == set(COLUMNS)
    biased = next(found for found in trained if found.cell.data["biased"])
    plain = next(f for f in trained if f.cell.row == COMM and not f.cell.data["biased"])
    assert outcome.values.mean(COMM, "S") == biased.numbers(END)["S"]
    assert outcome.values.mean(COMM, "S, unbiased") == plain.numbers(END)["S"]
    assert outcome.values.mean(COMM, "R") == plain.numbers(END)["R"]
    (card,) = outcome.sections[0].cards
    assert [trace.name for trace in card.figure.data] == list(METHODS)
    assert list(card.figure.data[0].x) == list(BARS)


def test_the_course_is_drawn_from_the_steps_that_were_kept(trained: list[Trained]) -> None:
    whole = [found for found in trained if found.cell.row == COMM]
    outcome = FigureFive().evaluate(Setting.of("quick"), whole)
    cards = outcome.sections[0].cards
    assert len(cards) == len(BARS)
    for card in cards:
        assert list(card.figure.data[0].x) == [10, 20]
    assert outcome.values.mean(COMM, "R, first") == whole[0].numbers(COURSE)["R at 10"]
    assert isinstance(outcome.values, Values)


def test_the_paper_lists_all_of_its_tables_and_figures() -> None:
    from isthmus.papers.comm.catalogue import COMM as PAPER

    names = [artefact.name for artefact in PAPER.artefacts]
    assert {name.partition("-")[0] for name in names} == {
        *("fig4", "fig5", "table1", "table2", "table3", "table4", "table5", "partial")
    }


def test_weights_of_a_step_are_those_that_it_ended_with(
    tmp_path: Path, trained: list[Trained]
) -> None:
    found = next(each for each in trained if each.cell.row == COMM)
    data = found.data()
    last, end, first = found.model(data, 20), found.model(data), found.model(data, 10)
    for a, b in zip(last.parameters(), end.parameters(), strict=True):
        assert a.equal(b)
    assert any(not a.equal(b) for a, b in zip(first.parameters(), end.parameters(), strict=True))
