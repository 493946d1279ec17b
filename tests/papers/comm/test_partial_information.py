"""Worlds of known information as an artefact: shares, claims, and a run from start to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isthmus.datasets.information_world import SUITES, InformationWorld
from isthmus.papers import Setting, reproduce
from isthmus.papers.claims import Verdict
from isthmus.papers.comm import worlds
from isthmus.papers.comm.methods import COMM, CROSS, CROSS_SELF, FACTOR_CL
from isthmus.papers.comm.partial_information import ALL, OFF, SYMBOLS, PartialInformation
from isthmus.papers.comm.world_probes import NUMBERS, of_symbols
from isthmus.papers.comm.worlds import (
    CMC_THREE,
    COMM_TWO,
    CONTROL,
    THREE,
    TRIFEATURE,
    WORLDS,
    cells_of,
    methods_of,
    row_of,
)
from isthmus.papers.comm.worlds_figure import kept, kept_by, shares
from isthmus.papers.result import PAGE
from isthmus.papers.values import Values

ARTEFACT = PartialInformation()


def at(world: InformationWorld, part: str, share: float) -> float:
    """The accuracy of a share that is kept, in %."""
    chance, ceiling = world.chance(part), world.ceiling(part)
    return 100 * (chance + share * (ceiling - chance))


def values_with(**changed: float) -> Values:
    """What the paper claims to the letter, but for the shares given as WORLD__METHOD__PART."""
    found = Values()
    for name, world in WORLDS.items():
        told = {part: at(world, part, 1.0) for part in world.parts}
        if name in SUITES:
            off = changed.get("off", 0.0)
            found += Values.of_cell(row_of(name, SYMBOLS), 1, told | {OFF: off})
        for method in methods_of(name):
            own = dict(told)
            for part in own:
                lost = part == "synergy" and (method != COMM or name == CONTROL)
                lost |= part == "unique3" and method == COMM_TWO
                half = part.startswith("unique") and method == CROSS
                share = 0.0 if lost else 0.5 if half else 1.0
                key = f"{name.split(',')[0]}__{method.replace('+', '')}__{part}"
                own[part] = at(world, part, changed.get(key, share))
            bits = {part: kept(world, part, own[part]) * world.bits[part] for part in own}
            own[ALL] = 100 * sum(bits.values()) / sum(world.bits.values())
            found += Values.of_cell(row_of(name, method), 1, own)
    return found


def verdicts(values: Values) -> list[Verdict]:
    return [claim.judge(values) for claim in ARTEFACT.claims]


def test_every_claim_holds_where_all_is_as_said() -> None:
    found = verdicts(values_with())
    assert [v.holds for v in found] == [True] * 6, [v.numbers for v in found]


@pytest.mark.parametrize(
    ("change", "share", "broken"),
    [
        ("off", 0.1, 0),
        ("shared__Cross__shared", 0.9, 1),
        ("mixture__CrossSelf__synergy", 0.2, 1),
        ("synergy__Cross__synergy", 0.2, 1),
        ("trifeature__CoMM__unique1", 0.2, 2),
        ("unique2__CoMM__unique2", 0.5, 3),
        ("three modalities__CoMM__unique3", 0.5, 3),
        ("mixture__CoMM__synergy", 0.1, 3),
        ("trifeature__CoMM__synergy", 0.9, 4),  # after unbiased training too
        ("three modalities__CoMM of two__unique3", 2.1, 5),
        ("three modalities__CoMM of two__unique1", 1.03, 5),
        ("three modalities__CMC__synergy", 1.1, 5),
    ],
)
def test_each_claim_can_fail(change: str, share: float, broken: int) -> None:
    found = verdicts(values_with(**{change: share}))
    assert found[broken].holds is False, found[broken].numbers
    others = [v.holds for k, v in enumerate(found) if k not in (broken, 3)]
    assert all(others)


def test_a_claim_without_its_numbers_is_not_run() -> None:
    whole = values_with()
    part = Values(v for v in whole.values if v.row != row_of("mixture", COMM))
    assert [v.holds for v in verdicts(part)] == [True, True, True, None, True, True]
    assert verdicts(part)[3].numbers == "no shared of mixture: CoMM"


@pytest.mark.parametrize(
    ("world", "part", "accuracy", "share"),
    [
        (InformationWorld(shared=4), "shared", 25.0, 0.0),
        (InformationWorld(shared=4), "shared", 62.5, 0.5),
        (InformationWorld(shared=4, flip=0.1), "shared", 90.0, 1.0),
        (InformationWorld(synergy=10, match=True), "synergy", 75.0, 0.5),
    ],
    ids=str,
)
def test_shares_run_from_chance_to_the_ceiling(
    world: InformationWorld, part: str, accuracy: float, share: float
) -> None:
    assert kept(world, part, accuracy) == pytest.approx(share)


def test_the_figure_has_a_bar_for_everything_that_was_obtained() -> None:
    values = values_with(mixture__Cross__unique1=0.25)
    figure = shares(values).figure
    assert [bar.name for bar in figure.data] == [CROSS, CROSS_SELF, FACTOR_CL, COMM]
    counts = [len(bar.y) for bar in figure.data]
    parts = sum(len(world.parts) for world in SUITES.values())
    three = len(SUITES["three modalities"].parts)
    assert counts == [parts, parts, parts - three, parts + len(SUITES[TRIFEATURE].parts)]
    cross = figure.data[0]
    places = list(zip(*cross.x, strict=True))
    assert cross.y[places.index(("mixture", "unique1 (1.4)"))] == 0.25
    assert kept_by(values, "mixture", CROSS, "unique1") == pytest.approx([0.25])


@pytest.mark.parametrize("name", SUITES)
def test_probes_on_symbols_reach_the_ceiling(name: str) -> None:
    world = SUITES[name]
    found = of_symbols(world, rows=4000, seed=0)
    assert found.pop(OFF) <= 0.05
    assert found == pytest.approx({p: 100 * world.ceiling(p) for p in world.parts}, abs=2)


def test_cells_of_a_seed() -> None:
    cells = cells_of(Setting.of("cpu", seeds=2))
    assert len({cell.key for cell in cells}) == len(cells) == 2 * (6 * 4 + 5 + 1)
    assert {cell.seed for cell in cells} == {1, 2}
    biased = {cell.row for cell in cells if cell.data["biased"]}
    assert biased == {row_of(TRIFEATURE, method) for method in methods_of(TRIFEATURE)}
    assert {cell.data["views"] for cell in cells if cell.row.endswith(": Cross")} == {1}
    three = {cell.row: cell for cell in cells if cell.row.startswith(THREE)}
    assert row_of(THREE, FACTOR_CL) not in three
    assert three[row_of(THREE, COMM_TWO)].data["modalities"] == ["x1", "x2"]
    assert "modalities" not in three[row_of(THREE, CMC_THREE)].data


def test_a_quick_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = replace(worlds.SIZES["quick"], rows=40, probe=120, held_out=60, counted=120)
    tiny = replace(tiny, steps=2, trifeature_steps=2, batch_size=8, width=16)
    monkeypatch.setitem(worlds.SIZES, "quick", tiny)  # type: ignore[arg-type]
    few = {name: WORLDS[name] for name in ("mixture", "trifeature", "three modalities", CONTROL)}
    monkeypatch.setattr(worlds, "WORLDS", few)
    setting = Setting.of("quick")
    (result,), refused = reproduce([ARTEFACT], setting, tmp_path / "out")
    assert refused == {}
    assert set(ARTEFACT.columns) == set(result.values.columns)
    assert all(np.isfinite(value.value) for value in result.values.values)
    mixture = {c: result.values.mean(row_of("mixture", COMM), c) for c in (ALL, "synergy")}
    assert 20 <= mixture["synergy"] <= 80
    assert mixture[ALL] <= 110
    assert [v.holds for v in result.verdicts] == [None] * 6
    page = (tmp_path / "out" / ARTEFACT.path / PAGE).read_text("utf-8")
    assert 'class="plot"' in page
    assert "10% of the labels of each part are wrong" in page
    (again,), _ = reproduce([ARTEFACT], setting, tmp_path / "out", resume=True)
    assert again.values.to_records() == result.values.to_records()
    assert len(list((tmp_path / "out").glob(f"cells/*/{NUMBERS}.json"))) == 4 + 4 + 5 + 1
