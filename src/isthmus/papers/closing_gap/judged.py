"""What the main table must show, as checks; `docs/reproduce.md` says how criteria were set."""

from __future__ import annotations

from ..claims import Claim, Found
from ..values import Values
from .columns import recall_column
from .methods import CLOSING, FIXED, LEARNABLE


def main_claims(modalities: tuple[str, ...]) -> tuple[Claim, ...]:
    """The claims that a data set with these modalities is held to, the text first."""
    retrieval = [recall_column(name, modalities[0]) for name in modalities[1:]]
    separate = _two_modalities(retrieval) if len(modalities) == 2 else _three_modalities(retrieval)
    return (separate, TEMPERATURE_MOVES, MIXED_GALLERY, NEIGHBOURS, BOTH_GAPS)


def _two_modalities(retrieval: list[str]) -> Claim:
    def check(values: Values) -> Found:
        gaps = {row: values.mean(row, "gap") for row in (LEARNABLE, FIXED, CLOSING)}
        recall = _differences(values, retrieval)
        cosine = [values.mean(row, "cos") for row in (LEARNABLE, CLOSING)]
        v = [values.mean(row, "V") for row in (LEARNABLE, CLOSING)]
        return Found(
            gaps[CLOSING] <= gaps[FIXED] + 0.02
            and gaps[CLOSING] <= 0.15
            and gaps[LEARNABLE] >= 2 * gaps[CLOSING]
            and max(map(abs, recall)) <= 4
            and cosine[1] > cosine[0]
            and v[1] >= v[0] - 1,
            f"gap {gaps[LEARNABLE]:.2f}, {gaps[FIXED]:.2f}, {gaps[CLOSING]:.2f}; cosine "
            f"{cosine[0]:.2f} to {cosine[1]:.2f}; R@1 {recall[0]:+.1f}; V {v[0]:.1f} to {v[1]:.1f}",
        )

    return Claim(
        "P3-E2",
        "gap-closing has the smallest gap and keeps retrieval, and clusters no worse",
        "gap at most 0.15, at most that of CLIP (FT) + 0.02, and at most half of CLIP (LT)'s; "
        "cosine of true pairs above CLIP (LT)'s; R@1 within 4 points; V at least CLIP (LT)'s − 1",
        check,
    )


def _three_modalities(retrieval: list[str]) -> Claim:
    def check(values: Values) -> Found:
        gaps = [values.mean(row, "gap") for row in (LEARNABLE, CLOSING)]
        v = [values.mean(row, "V") for row in (LEARNABLE, CLOSING)]
        recall = _differences(values, retrieval)
        return Found(
            v[1] - v[0] >= 5 and gaps[1] <= gaps[0] / 2 and max(map(abs, recall)) <= 5,
            f"V {v[0]:.1f} to {v[1]:.1f}; gap {gaps[0]:.2f} to {gaps[1]:.2f}; R@1 "
            + ", ".join(f"{change:+.1f}" for change in recall),
        )

    return Claim(
        "P3-E3",
        "with three modalities gap-closing clusters clearly better and keeps retrieval",
        "V at least 5 points above CLIP (LT); gap at most half; every R@1 towards the text within "
        "5 points",
        check,
    )


def _moves(values: Values) -> Found:
    ends = values.of(LEARNABLE, "τ")
    if not len(ends):
        raise KeyError((LEARNABLE, "τ"))
    starts = values.mean(LEARNABLE, "τ at the start")
    least = min(abs(end / starts - 1) for end in ends)
    return Found(least >= 0.05, f"{starts:.3f} to {', '.join(f'{end:.3f}' for end in ends)}")


TEMPERATURE_MOVES = Claim(
    "P3-E5",
    "the learnable temperature learns",
    "it ends at least 5 % from its start, at every seed",
    _moves,
)


def _mixes(values: Values) -> Found:
    low, high = (values.mean(row, "cross") for row in (LEARNABLE, CLOSING))
    return Found(
        high >= 25 and high >= low + 10, f"{low:.1f} % under CLIP (LT), {high:.1f} % gap-closing"
    )


MIXED_GALLERY = Claim(
    "P3-E6",
    "without the gap, one gallery of all modalities answers from all of them",
    "share of other modalities in the top 10: at least 25 %, and 10 points above CLIP (LT)",
    _mixes,
)


def _votes(values: Values) -> Found:
    low, high = (values.mean(row, "kNN") for row in (LEARNABLE, CLOSING))
    return Found(high >= low - 1, f"{low:.1f} to {high:.1f}")


NEIGHBOURS = Claim(
    "P3-E7",
    "neighbours do not suffer",
    "kNN accuracy, folds by item, at least CLIP (LT)'s − 1",
    _votes,
)


def _fall(values: Values) -> Found:
    found = {c: [values.mean(row, c) for row in (LEARNABLE, CLOSING)] for c in ("gap", "RMG")}
    return Found(
        all(after < before for before, after in found.values()),
        "; ".join(f"{name} {low:.2f} to {high:.2f}" for name, (low, high) in found.items()),
    )


BOTH_GAPS = Claim(
    "P3-E8", "the gap is closed by either measure", "L2M and RMG both below CLIP (LT)'s", _fall
)


def _differences(values: Values, columns: list[str]) -> list[float]:
    """Gap-closing minus CLIP (LT), in points."""
    return [values.mean(CLOSING, column) - values.mean(LEARNABLE, column) for column in columns]
