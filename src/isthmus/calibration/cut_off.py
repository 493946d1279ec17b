"""Where to cut: the score from which a stated precision, recall or false-positive rate holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..metrics.uncertainty import Interval
from .evidence import Counts, Evidence, from_edges
from .sample import PairType
from .shares import Tally, precision_interval, precision_of, share_interval

PRECISION, RECALL, PASSING = "precision", "recall", "false positives"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """What a cut-off is to reach: `aim` of precision, of recall, or of other pairs passing."""

    name: str
    aim: float

    @classmethod
    def of(
        cls,
        *,
        precision: float | None = None,
        recall: float | None = None,
        false_positives: float | None = None,
    ) -> Target:
        """The one that is given."""
        every = {PRECISION: precision, RECALL: recall, PASSING: false_positives}
        given = {name: aim for name, aim in every.items() if aim is not None}
        if len(given) != 1:
            raise InputError(
                "state one of precision, recall and false_positives for a cut-off; "
                f"found {', '.join(given) or 'none'}"
            )
        ((name, aim),) = given.items()
        if not 0 < aim < 1:
            raise InputError(f"{name} must lie strictly between 0 and 1; found {aim}")
        return cls(name, float(aim))

    def __str__(self) -> str:
        return f"{self.name} {self.aim:g}"


@dataclass(frozen=True)
class CutOff:
    """A threshold on a score, and what it does to pairs that it was not chosen on.

    Attributes
    ----------
    pair_type:
        Modality of queries, modality of candidates.
    score:
        Which score is compared with the threshold.
    target:
        What it was to reach.
    prior:
        Share of matches among candidates for which the precision holds; None where no matches
        are known.
    threshold:
        Pairs from this score on pass. Infinite where no threshold reaches the target: then
        nothing passes.
    precision, recall, passing:
        Share of matches among what passes, share of matches that pass, share of other pairs
        that pass: each with its 95 % interval. None where unknown, or where nothing passes.
    """

    pair_type: PairType
    score: str
    target: Target
    prior: float | None
    threshold: float
    precision: Interval | None
    recall: Interval | None
    passing: Interval

    @property
    def reachable(self) -> bool:
        """Whether some threshold reaches the target."""
        return math.isfinite(self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        intervals = {"precision": self.precision, "recall": self.recall, "passing": self.passing}
        return {
            "query": self.pair_type[0],
            "candidate": self.pair_type[1],
            "score": self.score,
            "target": self.target.name,
            "aim": self.target.aim,
            "prior": self.prior,
            "threshold": self.threshold if self.reachable else None,
            **{
                name: None if each is None else [each.value, each.low, each.high]
                for name, each in intervals.items()
            },
        }


def find_cut_off(
    evidence: Evidence, pair_type: PairType, score: str, target: Target, prior: float | None
) -> CutOff:
    """The cut-off for a target; chosen on all pairs, judged on pairs that it was not chosen on.

    Each block of groups is left out in turn; the threshold chosen without it is applied to the
    pairs that touch it, and what passes is added up. Shares are estimated with one more error
    than was seen, as if the next pair were one: a recall of r holds on average for a new
    matched pair (split conformal prediction), and few pairs give no rash thresholds.
    Intervals are jackknifed over blocks, and never narrower than those of independent pairs.

    References
    ----------
    Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World* (2005), for the
    recall; Arvesen, *Jackknifing U-Statistics* (1969), for pairs.
    """
    place = _chooser(evidence, target, prior)
    chosen = place(evidence.all_matches, evidence.all_others)
    own, foreign = (_padded(c) for c in (evidence.matches, evidence.others))  # (B, K + 1)
    places = [place(*evidence.without(block)) for block in range(evidence.blocks)]
    rows = np.arange(evidence.blocks)
    others = _tally(_padded(evidence.all_others), foreign, chosen, evidence.n_others)
    passing = foreign[rows, places].sum() / evidence.others.sum()
    precision = recall = None
    if evidence.n_matches:
        matches = _tally(_padded(evidence.all_matches), own, chosen, evidence.n_matches)
        held_out = own[rows, places].sum() / evidence.n_matches
        recall = share_interval(matches, float(held_out))
        if prior is not None and chosen < len(evidence.edges):
            value = precision_of(held_out, passing, prior)
            precision = precision_interval(matches, others, prior, value)
    edges = np.append(evidence.edges, np.inf)
    return CutOff(
        pair_type,
        score,
        target,
        prior,
        float(edges[chosen]),
        precision,
        recall,
        share_interval(others, float(passing)),
    )


def _chooser(
    evidence: Evidence, target: Target, prior: float | None
) -> Callable[[Counts, Counts], int]:
    """A function from counts of matches and others in cells to the place of the edge to cut at."""
    if target.name == RECALL:
        missed = _may_miss(evidence.n_matches, target.aim)
        if missed < 1:
            raise InputError(
                f"a recall of {target.aim:g} needs {_needed(target.aim)} matches "
                f"to be estimated; found {evidence.n_matches}: state a lower recall or give more"
            )

    def place(matches: Counts, others: Counts) -> int:
        n, m = matches.sum(), others.sum()
        passed, wrong = from_edges(matches), from_edges(others)
        if target.name == RECALL:
            enough = np.flatnonzero(passed > n - max(_may_miss(int(n), target.aim), 1))
            return int(enough[-1])
        if target.name == PASSING:
            good = (wrong + 1) / (m + 1) <= target.aim
        else:
            assert prior is not None
            right = prior * passed / (n + 1)
            good = right >= target.aim * (right + (1 - prior) * (wrong + 1) / (m + 1))
        return int(np.argmax(good)) if good.any() else len(evidence.edges)

    return place


def _may_miss(matches: int, recall: float) -> int:
    """j such that a new match scores below the j-th lowest of these with 1 − recall at most."""
    return math.floor((matches + 1) * (1 - recall) + 1e-9)


def _needed(recall: float) -> int:
    """Fewest matches that may miss one."""
    return math.ceil(1 / (1 - recall) - 1e-6) - 1


def _padded(counts: Counts) -> Counts:
    """How many pass at each edge, and none at the infinite one."""
    passed = from_edges(counts)
    return np.concatenate([passed, np.zeros_like(passed[..., :1])], axis=-1)


def _tally(total: Counts, touching: Counts, place: int, n: int) -> Tally:
    """What passes at one edge, of all pairs and without each block."""
    of = touching[:, 0]  # every pair passes the lowest edge that occurs
    return Tally(float(total[place]), float(n), total[place] - touching[:, place], n - of)
