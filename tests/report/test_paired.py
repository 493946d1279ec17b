import re

import numpy as np
import pytest

from isthmus.embeddings import Embeddings
from isthmus.metrics.measure import measure
from isthmus.metrics.uncertainty import Interval
from isthmus.report import Report, comparisons, differences, with_tables
from isthmus.report.paired import signed, verdict
from isthmus.resampling import take
from tests.report.test_report import space


def told(sets: dict[str, Embeddings]) -> list[str]:
    measurements = {name: measure(each, fast=True) for name, each in sets.items()}
    return differences(measurements, comparisons(measurements, sets))


@pytest.mark.parametrize(
    ("value", "low", "high", "said", "text"),
    [
        (0.2, 0.1, 0.3, "higher", "+0.200 [+0.100, +0.300]"),
        (-0.2, -0.3, -0.1, "lower", "−0.200 [−0.300, −0.100]"),
        (0.2, -0.1, 0.3, "not clearly different", "+0.200 [−0.100, +0.300]"),
        (0.2, 0.0, 0.3, "not clearly different", "+0.200 [0.000, +0.300]"),
        (0.0, 0.0, 0.0, "equal to three decimals", "0.000 [0.000, 0.000]"),
        (-0.0003, -0.0004, -0.0002, "equal to three decimals", "0.000 [0.000, 0.000]"),
        (0.0006, 0.0001, 0.0010, "higher", "+0.001 [0.000, +0.001]"),
    ],
)
def test_the_verdict_is_that_of_the_interval(
    value: float, low: float, high: float, said: str, text: str
) -> None:
    interval = Interval(value, low, high, 0.95, 1000)
    assert verdict(interval) == said
    assert signed(interval) == text


def test_differences_turn_round_with_the_base() -> None:
    wide, narrow = space(4.0), space(0.0)
    (down,) = told({"wide": wide, "narrow": narrow})
    (up,) = told({"narrow": narrow, "wide": wide})
    assert down.startswith("narrow against wide, image and text: L2M lower, −")
    assert up.startswith("wide against narrow, image and text: L2M higher, +")
    assert "Paired by group id (60 groups); ids only count them" in up


def test_numbers_of_rows_that_differ_are_said() -> None:
    wide = space(4.0)
    twice = np.repeat(np.arange(60), 2)
    (sentence,) = told({"one": wide, "two": take(wide, {"image": np.arange(60), "text": twice})})
    assert "Numbers of rows differ (text 60 and 120): RMG and R@1 depend on them." in sentence


def test_every_pair_of_modalities_in_common_is_compared_whatever_its_order() -> None:
    three = space(modalities=3)
    turned = three.select(["audio", "text", "image"])
    found = comparisons(
        {"a": measure(three, fast=True), "b": measure(turned, fast=True)}, {"a": three, "b": turned}
    )
    assert [each.before.modalities for each in found] == list(three.pairs)
    for each in found:
        assert each.paired is not None
        assert {verdict(d) for d in each.paired.differences.values()} == {"equal to three decimals"}


def test_what_does_not_pair_is_told_by_separate_intervals() -> None:
    sets = {"a": space(4.0), "b": space(4.0, n=40)}
    measurements = {name: measure(each) for name, each in sets.items()}
    (sentence,) = differences(measurements, comparisons(measurements, sets))
    assert re.search(r"L2M not clearly different, [\d.]+ \[.*\] against ", sentence)
    assert sentence.endswith(
        "Not the same items: 60 and 40 groups, whose ids only count them: "
        "compared by separate intervals."
    )
    (plain,) = differences(measurements)
    assert sentence.startswith(plain)


def test_tables_and_plain_values_hold_the_numbers_of_the_comparison() -> None:
    sets = {"a": space(4.0), "b": space(0.0), "c": space(0.0, n=40)}
    measurements = {name: measure(each, fast=True) for name, each in sets.items()}
    pairs, apart = comparisons(measurements, sets)
    assert pairs.paired is not None
    table = pairs.table()
    assert table is not None
    assert {len(row) for row in table.rows} == {len(table.headings)}
    assert table.rows[0][2] == signed(pairs.paired.differences["l2m"])
    content = pairs.to_dict()
    assert content["metrics"]["rmg"]["low"] == pytest.approx(
        pairs.paired.differences["rmg"].low, rel=1e-5
    )
    assert apart.table() is None
    assert apart.to_dict()["paired"] is False
    report = Report("t", "s", [], measurements, [])
    (section,) = with_tables(report, [pairs, apart]).sections
    assert list(section.tables) == [table]
    assert with_tables(report, [apart]).sections == []
