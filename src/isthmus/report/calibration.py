"""The report of a calibration: what it says in words, its page, and its numbers as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..calibration import COSINE, MUTUAL, SCORES, CutOff, ScoreCalibration
from ..calibration.cut_off import RECALL
from .calibration_tables import (
    EVEN,
    cuts_table,
    odds_text,
    pair_type_name,
    percent,
    scores_table,
)
from .page import Card, Report, Section


def calibration_findings(calibration: ScoreCalibration, cuts: Sequence[CutOff]) -> list[str]:
    """What the numbers say, type by type."""
    sentences = []
    for kind in calibration.types:
        name = pair_type_name(kind, COSINE)
        matches, others = calibration.of(*kind).evidence.means
        known = f"no known matches, pairs have a mean cosine of {others:.3f}"
        if matches is not None:
            known = f"matches have a mean cosine of {matches:.3f}, other pairs of {others:.3f}"
        sentences.append(f"{name}: {known}.")
        own = [cut for cut in cuts if cut.pair_type == kind]
        for cut in (cut for cut in own if cut.score == COSINE):
            sentences.append(_told(cut))
            if cut.target.name == RECALL:
                sentences += _levelled(cut, own)
                sentences += _elsewhere(calibration, cut)
    return sentences


def calibration_report(
    calibration: ScoreCalibration, cuts: Sequence[CutOff], *, subtitle: str
) -> Report:
    """The page: tables, and for every type histograms, reliability, precision and recall."""
    from . import calibration_figures as figures

    sections = [
        Section("The numbers", "", [], [scores_table(calibration), cuts_table(cuts)]),
    ]
    unmatched = []
    for kind in calibration.types:
        name, prior = pair_type_name(kind, COSINE), calibration.of(*kind).prior
        drawn = [cut for cut in cuts if cut.pair_type == kind and cut.score == COSINE]
        histogram = figures.score_histogram(calibration.of(*kind).evidence, drawn)
        if prior is None:
            unmatched.append(Card(name, "Cosines of pairs that do not match.", histogram))
            continue
        evidence = {score: calibration.of(*kind, score).evidence for score in SCORES}
        reliable = {score: calibration.reliability(*kind, score=score) for score in SCORES}
        cards = [
            Card(
                "Cosines",
                "Where matches and other pairs overlap, no cut-off tells them apart. There are "
                "far more of the others, so that their right tail matters most.",
                histogram,
            ),
            Card(
                "Reliability",
                f"Of pairs held out, at {odds_text(prior)}: of those stated as 0.7, 70 in 100 "
                "should be matches. Bars are 95 % intervals.",
                figures.reliability_figure(reliable),
            ),
            Card(
                "What a cut-off buys",
                f"Every point is a cut-off, at {odds_text(prior)}; the pointer shows which.",
                figures.precision_figure(evidence, prior),
            ),
        ]
        sections.append(Section(name, "", cards))
    if unmatched:
        sections.append(Section("Without known matches", "", unmatched))
    notes = [
        f"Other pairs are all pairs that are not known to match, of up to "
        f"{calibration.settings.rows:,} rows of each modality; pairs that match unknown to "
        "anyone count against precision.",
    ]
    if calibration.closer is not None:
        notes.append(f"For vectors closed by {calibration.closer}, and no others.")
    return Report(
        title="Score calibration",
        subtitle=subtitle,
        findings=calibration_findings(calibration, cuts),
        measurements={},
        sections=sections,
        notes=notes,
    )


def calibration_content(calibration: ScoreCalibration, cuts: Sequence[CutOff]) -> dict[str, Any]:
    """Everything that the page shows in numbers, as plain values."""
    types = []
    for (first, second, score), learned in calibration.learned.items():
        matches, others = learned.evidence.means
        known: dict[str, Any] = {
            "query": first,
            "candidate": second,
            "score": score,
            "prior": learned.prior,
            "matches": learned.evidence.n_matches,
            "others": learned.evidence.n_others,
            "mean_match": matches,
            "mean_other": others,
        }
        if learned.log_odds is not None:
            known["auc"] = learned.evidence.auc
            known["reliability"] = [
                calibration.reliability(first, second, score=score, prior=prior).to_dict()
                for prior in (learned.prior, EVEN)
            ]
            known["log_odds"] = {
                "scores": learned.log_odds.knots.tolist(),
                "values": learned.log_odds.values.tolist(),
            }
        types.append(known)
    return {
        "closer": calibration.closer,
        "method": calibration.settings.method,
        "seed": calibration.settings.seed,
        "findings": calibration_findings(calibration, cuts),
        "types": types,
        "cut_offs": [cut.to_dict() for cut in cuts],
    }


def _told(cut: CutOff) -> str:
    """One cut-off in words."""
    if not cut.reachable:
        at = "" if cut.prior is None else f" at {odds_text(cut.prior)}"
        return f"{_at(cut)}: no cosine reaches that{at}; nothing would pass."
    passing = f"{percent(cut.passing)} of the other pairs"
    if cut.recall is not None:
        passing = f"{percent(cut.recall)} of the matches and {passing}"
    found = f"{_at(cut)}: from a cosine of {cut.threshold:.3f} on, {passing} pass"
    if cut.precision is not None and cut.prior is not None:
        found += f"; at {odds_text(cut.prior)} what passes is a match in {percent(cut.precision)}"
    return f"{found}."


def _at(cut: CutOff) -> str:
    return f"{pair_type_name(cut.pair_type, cut.score)}, {cut.target}"


def _levelled(cut: CutOff, cuts: Sequence[CutOff]) -> list[str]:
    """What the mutual score would let pass at the same recall."""
    return [
        f"At the same recall, the mutual score lets {percent(other.passing)} of the other pairs "
        "pass."
        for other in cuts
        if other.score == MUTUAL and other.target == cut.target
    ]


def _elsewhere(calibration: ScoreCalibration, cut: CutOff) -> list[str]:
    """What the same cosine does to other types of pairs."""
    found = []
    for kind in calibration.types:
        if kind != cut.pair_type:
            passing = calibration.of(*kind).evidence.passing(cut.threshold)
            found.append(f"{100 * passing:.1f} % of the {pair_type_name(kind, COSINE)}")
    if not found:
        return []
    return [f"The same cosine passes {' and '.join(found)} pairs that do not match."]
