"""The tables of a calibration: how scores tell matches apart, and where to cut."""

from __future__ import annotations

from collections.abc import Sequence

from ..calibration import QUERY, CutOff, ScoreCalibration
from ..metrics.uncertainty import Interval
from .cells import optional
from .detail import Detail

EVEN = 0.5
"""ECE and log loss are told at even odds, where every error shows, whatever the prior."""


def pair_type_name(pair_type: tuple[str, str], score: str) -> str:
    """Both modalities; with an arrow where the way matters."""
    return ("→" if score == QUERY and len(set(pair_type)) == 2 else "–").join(pair_type)


def percent(interval: Interval) -> str:
    """A share with its interval, in per cent."""
    return _hundredths(interval, " %")


def _hundredths(interval: Interval | None, unit: str = "") -> str:
    """The same in a column that names the unit; a dash where there is no such share."""
    if interval is None:
        return "–"
    digits = 3 if interval.value < 0.001 else 2 if interval.value < 0.01 else 1
    value, low, high = (
        f"{100 * x:.{digits}f}" for x in (interval.value, interval.low, interval.high)
    )
    return f"{value}{unit} [{low}, {high}]"


def odds_text(prior: float) -> str:
    """A prior as a search meets it."""
    return f"one match among {1 / prior:,.0f} candidates" if prior < EVEN else f"prior {prior:g}"


def scores_table(calibration: ScoreCalibration) -> Detail:
    """How matches and other pairs score, and how well that tells them apart."""
    return Detail(
        "How do matches score?",
        ("pairs", "score", "matches", "others", "match", "other", "AUC", "ECE", "log loss"),
        [_scores_row(calibration, *key) for key in calibration.learned],
        "query: z-score of the cosine against the query's highest cosines with random "
        "candidates; mutual: the mean of that and of the candidate's. match, other: mean score "
        "of matches, of other pairs. AUC: share of (match, other pair) in order. ECE, log loss "
        "in bits: of probabilities at even odds, of pairs held out; a coin has 1 bit.",
    )


def cuts_table(cuts: Sequence[CutOff]) -> Detail:
    """Thresholds, and what they do to pairs that they were not chosen on."""
    rows = [
        (
            pair_type_name(cut.pair_type, cut.score),
            cut.score,
            str(cut.target),
            f"{cut.threshold:.3f}" if cut.reachable else "none",
            _hundredths(cut.precision),
            _hundredths(cut.recall),
            _hundredths(cut.passing),
        )
        for cut in cuts
    ]
    priors = {odds_text(cut.prior) for cut in cuts if cut.prior is not None}
    holds = f"Precision holds for {' or '.join(sorted(priors))}. " if priors else ""
    return Detail(
        "Where to cut?",
        ("pairs", "score", "target", "cut-off", "precision, %", "recall, %", "passing, %"),
        rows,
        f"{holds}passing: share of the pairs that do not match. All on pairs held out, with 95 % "
        "intervals. none: no cut-off reaches the target.",
    )


def _scores_row(calibration: ScoreCalibration, first: str, second: str, score: str) -> list[str]:
    learned = calibration.of(first, second, score)
    matches, others = learned.evidence.means
    quality = ["–", "–", "–"]
    if learned.prior is not None:
        found = calibration.reliability(first, second, score=score, prior=EVEN)
        quality = [f"{value:.3f}" for value in (learned.evidence.auc, found.ece, found.log_loss)]
    return [
        pair_type_name((first, second), score),
        score,
        f"{learned.evidence.n_matches:,}",
        f"{learned.evidence.n_others:,}",
        optional(matches),
        f"{others:.3f}",
        *quality,
    ]
