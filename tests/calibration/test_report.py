"""The words, tables and page of a calibration say its numbers."""

import json
import re

import pytest

from isthmus.calibration import ScoreCalibration, Target
from isthmus.closers import Centering
from isthmus.report.calibration import (
    calibration_content,
    calibration_findings,
    calibration_report,
)
from isthmus.report.calibration_tables import cuts_table, percent, scores_table
from tests.calibration.made import space

BASE = space(120, texts=2, gap=2, width=12)
FITTED = ScoreCalibration.fit(BASE)
KEYS = [("image", "text"), ("text", "text")]


def cuts(calibration: ScoreCalibration) -> list:
    return [
        calibration.cut_off_for(first, second, target, score=score)
        for (first, second, score), learned in calibration.learned.items()
        for target in (
            [Target.of(recall=0.9), Target.of(precision=0.999)]
            if learned.prior
            else [Target.of(false_positives=0.05)]
        )
    ]


CUTS = cuts(FITTED)


def test_findings_tell_levels_cut_offs_and_what_they_do_to_other_types():
    told = calibration_findings(FITTED, CUTS)
    matches, others = FITTED.of("image", "text").evidence.means
    assert told[0] == (
        f"image–text: matches have a mean cosine of {matches:.3f}, other pairs of {others:.3f}."
    )
    cut = FITTED.cut_off("image", "text", recall=0.9)
    assert f"from a cosine of {cut.threshold:.3f} on" in told[1]
    assert percent(cut.recall) in told[1]
    assert percent(cut.passing) in told[1]
    assert "one match among 120 candidates" in told[1]
    passing = 100 * FITTED.of("text", "text").evidence.passing(cut.threshold)
    assert passing > 90
    assert f"{passing:.1f} % of the text–text pairs" in told[3]
    assert any("no cosine reaches that" in sentence for sentence in told)
    assert any("image–image: no known matches" in sentence for sentence in told)


def test_tables_hold_every_score_of_every_type():
    scores, cut_table = scores_table(FITTED), cuts_table(CUTS)
    assert len(scores.rows) == len(FITTED.learned) == 10
    assert len(cut_table.rows) == len(CUTS)
    assert [row[:2] for row in scores.rows[:2]] == [
        ["image–text", "cosine"],
        ["image→text", "query"],
    ]
    evidence = FITTED.of("image", "text").evidence
    assert scores.rows[0][2:4] == ["240", f"{evidence.n_others:,}"]
    assert scores.rows[0][6] == f"{evidence.auc:.3f}"
    unmatched = [row for row in scores.rows if row[0] == "image–image"]
    assert all(row[-3:] == ["–", "–", "–"] for row in unmatched)
    assert all(len(row) == len(t.headings) for t in (scores, cut_table) for row in t.rows)


def test_the_page_has_a_reliability_diagram_of_every_matched_type():
    page = calibration_report(FITTED, CUTS, subtitle="a <set>")
    sections = {section.title: section for section in page.sections}
    assert list(sections) == ["The numbers", "image–text", "text–text", "Without known matches"]
    titles = [card.title for card in sections["image–text"].cards]
    assert titles == ["Cosines", "Reliability", "What a cut-off buys"]
    traces = sections["image–text"].cards[1].figure.data
    assert [trace.name for trace in traces] == ["as stated", "cosine", "query", "mutual"]
    found = FITTED.reliability("image", "text")
    assert list(traces[1].x) == pytest.approx([b.predicted for b in found.bins], abs=1e-4)
    assert list(traces[1].y) == pytest.approx([b.observed.value for b in found.bins], abs=1e-4)
    html = page.html()
    assert "a &lt;set&gt;" in html
    assert html.count('class="plot"') == 7
    assert "is better" not in html  # no table of measurements
    assert len(re.findall(r'id="figure-\d+"', html)) == 7


def test_the_page_names_the_closer():
    closed = ScoreCalibration.fit(BASE, closer=Centering().fit(BASE))
    page = calibration_report(closed, cuts(closed), subtitle="")
    assert any("closed by centering" in note for note in page.notes)


def test_contents_are_plain_values_without_infinities():
    text = json.dumps(calibration_content(FITTED, CUTS), allow_nan=False)
    content = json.loads(text)
    assert {each["score"] for each in content["types"]} == {"cosine", "query", "mutual"}
    first = content["types"][0]
    assert first["auc"] == FITTED.of("image", "text").evidence.auc
    assert [each["prior"] for each in first["reliability"]] == [1 / 120, 0.5]
    assert None in [each["threshold"] for each in content["cut_offs"]]
