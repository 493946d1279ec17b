"""Every claim on numbers that just meet its criterion, and that just miss each part of it."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.papers import Claim
from isthmus.papers.closing_gap import CLOSING_GAP
from isthmus.papers.closing_gap.ablation import (
    ALIGN,
    COLLAPSE,
    CONTRAST_ALIGN,
    CONTRAST_CENTROIDS,
)
from isthmus.papers.closing_gap.ablation import CLOSING as ALL_THREE
from isthmus.papers.closing_gap.fig1 import CENTRED, DROP, RANGE, RISE, TRAINED, FigureOne
from isthmus.papers.closing_gap.fig4 import FigureFour
from isthmus.papers.closing_gap.judged import main_claims
from isthmus.papers.closing_gap.maps import BEFORE, FigureTwo
from isthmus.papers.closing_gap.methods import CLOSING, FIXED, LEARNABLE
from isthmus.papers.closing_gap.theory import Theory
from isthmus.papers.closing_gap.worlds import AV_MNIST
from tests.papers.judging import Case, Table, claim_tests

TWO = main_claims(("text", "image"))
THREE = main_claims(("text", "image", "sound"))
IMAGE, SOUND = "R@1 image→text", "R@1 sound→text"

PAIR: Table = {
    LEARNABLE: {"gap": 0.3, "RMG": 0.5, "cos": 0.5, "V": 60, IMAGE: 80, "kNN": 80, "cross": 2},
    FIXED: {"gap": 0.13},
    CLOSING: {"gap": 0.15, "RMG": 0.4, "cos": 0.6, "V": 59, IMAGE: 84, "kNN": 79, "cross": 25},
}
TRIPLE: Table = {
    LEARNABLE: {"gap": 0.3, "V": 60, IMAGE: 80, SOUND: 80},
    CLOSING: {"gap": 0.15, "V": 65, IMAGE: 85, SOUND: 75},
}
TAU: Table = {LEARNABLE: {"τ": [0.021, 0.019], "τ at the start": [0.02, 0.02]}}
GRID: Table = {
    ALIGN: {"cos": 0.995, "gap": 0.1, IMAGE: 20, SOUND: 10},
    FIXED: {"cos": 0.5, "gap": 0.3, IMAGE: 80, SOUND: 70},
    CONTRAST_ALIGN: {"cos": 0.9, "gap": 0.1, IMAGE: 80, SOUND: 70},
    CONTRAST_CENTROIDS: {"cos": 0.6, "gap": 0.1, IMAGE: 80, SOUND: 70},
    ALL_THREE: {"cos": 0.7, "gap": 0.2, IMAGE: 75, SOUND: 65},
}
SWEEP: Table = {CENTRED: {DROP: 15, RANGE: 3, RISE: 3}, TRAINED: {RANGE: 9}}
MIXED: Table = {LEARNABLE: {"cross": 15}, CLOSING: {"cross": 25}}
MAPS: Table = {
    f"{world}: {state}": {"gap": gap}
    for world in ("a", "b")
    for state, gap in ((BEFORE, 0.9), (LEARNABLE, 0.5), (CLOSING, 0.1))
}
SLOPES: Table = {
    "2 modalities, orthogonal": {"slope": 0.2549, "predicted slope": 0.25},
    "3 modalities, orthogonal, on the sphere": {"slope": 0.197, "predicted slope": 0.2},
    "2 modalities, in_span": {"slope": 0.3, "predicted slope": 0.25},
}


def named(claims: Sequence[Claim], name: str) -> Claim:
    (found,) = (claim for claim in claims if claim.id == name)
    return found


CASES: dict[str, Case] = {
    "two modalities": (
        named(TWO, "P3-E2"),
        PAIR,
        {},
        [
            (CLOSING, "gap", 0.151),
            (FIXED, "gap", 0.129),
            (LEARNABLE, "gap", 0.299),
            (CLOSING, IMAGE, 84.1),
            (CLOSING, IMAGE, 75.9),
            (CLOSING, "cos", 0.5),
            (CLOSING, "V", 58.9),
        ],
    ),
    "three modalities": (
        named(THREE, "P3-E3"),
        TRIPLE,
        {CLOSING: {"V": 90, "gap": 0.0}},
        [
            (CLOSING, "V", 64.9),
            (CLOSING, "gap", 0.151),
            (CLOSING, IMAGE, 85.1),
            (CLOSING, SOUND, 74.9),
        ],
    ),
    "temperature": (
        named(TWO, "P3-E5"),
        TAU,
        {LEARNABLE: {"τ": [0.06, 0.01]}},
        [(LEARNABLE, "τ", [0.03, 0.0205]), (LEARNABLE, "τ", [0.0195, 0.03])],
    ),
    "one gallery": (
        named(TWO, "P3-E6"),
        PAIR,
        {LEARNABLE: {"cross": 40}, CLOSING: {"cross": 50}},
        [(CLOSING, "cross", 24.9), (LEARNABLE, "cross", 15.1)],
    ),
    "neighbours": (
        named(TWO, "P3-E7"),
        PAIR,
        {CLOSING: {"kNN": 99}},
        [(CLOSING, "kNN", 78.9)],
    ),
    "both gaps": (
        named(TWO, "P3-E8"),
        PAIR,
        {CLOSING: {"gap": 0.299, "RMG": 0.499}},
        [(CLOSING, "gap", 0.3), (CLOSING, "RMG", 0.5)],
    ),
    "collapse": (
        COLLAPSE,
        GRID,
        {CONTRAST_ALIGN: {"cos": 0.7}},
        [
            (ALIGN, "cos", 0.99),
            (ALIGN, SOUND, 20.1),
            (CONTRAST_ALIGN, "cos", 0.69),
            (CONTRAST_CENTROIDS, "cos", 0.7),
            (ALL_THREE, "gap", 0.21),
            (ALL_THREE, IMAGE, 74.9),
        ],
    ),
    "gap sweep": (
        named(FigureOne().claims, "P3-E1"),
        SWEEP,
        {TRAINED: {RANGE: 90}},
        [(CENTRED, DROP, 14.9), (CENTRED, RANGE, 3.1), (CENTRED, RISE, 3.1)],
    ),
    "pictures": (
        named(FigureFour(AV_MNIST).claims, "P3-E6"),
        MIXED,
        {},
        [(CLOSING, "cross", 24.9), (LEARNABLE, "cross", 15.1)],
    ),
    "maps": (
        FigureTwo().claims[0],
        MAPS,
        {},
        [(f"b: {BEFORE}", "gap", 0.5), (f"a: {CLOSING}", "gap", 0.5)],
    ),
    "theory": (
        Theory().claims[0],
        SLOPES,
        {"2 modalities, in_span": {"slope": 9}},
        [
            ("2 modalities, orthogonal", "slope", 0.2551),
            ("3 modalities, orthogonal, on the sphere", "slope", 0.1959),
        ],
    ),
}


TestClaims = claim_tests(CASES)


def test_every_claim_of_the_paper_is_tried_here() -> None:
    tried = {claim.id for claim, *_ in CASES.values()}
    ready = [a for a in CLOSING_GAP.artefacts if hasattr(a, "claims")]
    assert {claim.id for artefact in ready for claim in artefact.claims} == tried
    assert {f"P3-E{k}" for k in range(1, 9)} <= tried


def test_a_table_of_two_modalities_is_held_to_other_claims_than_one_of_three() -> None:
    assert [claim.id for claim in TWO] == ["P3-E2", "P3-E5", "P3-E6", "P3-E7", "P3-E8"]
    assert [claim.id for claim in THREE] == ["P3-E3", "P3-E5", "P3-E6", "P3-E7", "P3-E8"]
