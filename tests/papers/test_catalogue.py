"""The artefacts of the papers: each complete, each found by its name."""

import re

import pytest

from isthmus.errors import InputError
from isthmus.papers import PAPERS, Artefact, Planned, Setting, find
from isthmus.papers.setting import SCALES
from isthmus.papers.values import TAGS

EVERY = [artefact for paper in PAPERS for artefact in paper.artefacts]
READY = [artefact for artefact in EVERY if isinstance(artefact, Artefact)]


def test_names_are_unique_and_can_be_typed() -> None:
    paths = [artefact.path for artefact in EVERY]
    assert len(set(paths)) == len(paths)
    assert [paper.name for paper in PAPERS] == ["closing-gap", "comm", "two-effects"]
    for paper in PAPERS:
        for artefact in paper.artefacts:
            assert artefact.paper == paper.name
            assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", artefact.path)
            assert artefact.title
            assert len(artefact.title) < 100


@pytest.mark.parametrize("paper", sorted({artefact.paper for artefact in READY}))
def test_a_paper_runs_in_three_minutes_on_stand_in_data(paper: str) -> None:
    minutes = (a.needs.minutes["quick"] for a in READY if a.paper == paper)
    assert round(sum(minutes), 3) <= 3


def test_the_first_paper_takes_an_hour_at_most_on_two_cores() -> None:
    minutes = [a.needs.minutes.get("cpu", 0) for a in READY if a.paper == "closing-gap"]
    assert sum(minutes) <= 60


@pytest.mark.parametrize("artefact", READY, ids=lambda a: a.path)
def test_what_an_artefact_says_fits_together(artefact: Artefact) -> None:
    assert {p.column for p in artefact.published} <= set(artefact.columns)
    assert {p.tag for p in artefact.published} <= set(TAGS)
    assert set(artefact.needs.minutes) <= set(SCALES)
    ids = [claim.id for claim in artefact.claims]
    assert len(set(ids)) == len(ids)
    assert all(claim.text and claim.criterion for claim in artefact.claims)


def test_all_that_is_there() -> None:
    assert find(None) == READY
    assert find("closing-gap") == [a for a in READY if a.paper == "closing-gap"]
    assert [a.path for a in find("closing-gap/fig1")] == ["closing-gap/fig1"]
    assert find("closing-gap/") == find("closing-gap")
    assert [a.path for a in find("closing-gap/fig4")] == [
        "closing-gap/fig4-av-mnist",
        "closing-gap/fig4-emoji",
    ]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("closing-gaps", "there is no .* 'closing-gaps'; did you mean 'closing-gap'"),
        ("closing-gap/table1-av-minst", "did you mean 'closing-gap/table1-av-mnist'"),
        ("fig1", r"did you mean 'closing-gap/fig1'\?"),
        ("fig4", "did you mean 'closing-gap/fig4' or 'comm/fig4' or 'two-effects/fig4'"),
        ("zzzz", "papers are closing-gap, comm, two-effects .*isthmus reproduce lists them all"),
        ("", "there is no paper or artefact ''; papers are"),
    ],
)
def test_an_unknown_name_has_a_suggestion(target: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find(target)


@pytest.mark.parametrize(
    "artefact", [a for a in EVERY if isinstance(a, Planned)], ids=lambda a: a.path
)
def test_what_is_to_come_says_so(artefact: Planned) -> None:
    with pytest.raises(InputError, match=f"{artefact.path} cannot be run: {artefact.why}"):
        find(artefact.path)


def test_a_paper_of_which_nothing_is_there() -> None:
    for paper in PAPERS:
        if not any(isinstance(a, Artefact) for a in paper.artefacts):
            with pytest.raises(InputError, match=f"{paper.name} cannot be run: planned"):
                find(paper.name)


@pytest.mark.parametrize("seeds", [0, -1])
def test_fewer_than_one_seed(seeds: int) -> None:
    with pytest.raises(InputError, match=f"--seeds must be at least 1; found {seeds}"):
        Setting.of("cpu", seeds=seeds)


def test_a_scale_has_its_own_number_of_seeds_and_data_their_root() -> None:
    assert [Setting.of(scale).seeds for scale in SCALES] == [1, 3, 3]
    assert Setting.of("cpu", seeds=5).seeds == 5
    assert Setting.of("cpu").data(rows=3) == {"rows": 3}
    given = Setting.of("cpu", data_root="~/sets").data(rows=3)["root"]
    assert given.endswith("/sets")
    assert "~" not in given
