"""Published and obtained side by side, cell by cell."""

import math
from dataclasses import replace

import pytest

from isthmus.papers import Published, Result, Value, Values
from isthmus.papers.tables import comparison, verdict_table
from tests.papers.test_result import result
from tests.papers.tiny import Tiny

OBTAINED = Values(
    [
        Value("CLIP", "gap", 0, 0.5),
        Value("CLIP", "gap", 1, 0.7),
        Value("closing", "gap", 0, 0.25),
        Value("closing", "items", 0, 20.25),
        Value("closing", "τ", 0, math.nan),
        Value("a sweep", "unknown column", 0, 1.0),
    ]
)


def found(values: Values = OBTAINED) -> Result:
    return replace(result(), values=values)


def test_published_and_obtained_stand_one_under_the_other() -> None:
    first, more = comparison(Tiny(), found())
    assert first.headings == ["", "gap"]
    assert first.rows == [
        ["CLIP, published", "0.5 [S]"],
        ["CLIP, obtained", "0.600 ± 0.141"],
        ["theirs, published", "0.25 [F]"],
        ["closing, obtained", "0.250"],
    ]
    assert first.legend.startswith(
        "Mean ± standard deviation over 2 seeds; without ± of one seed. Published: [F] read off"
    )
    assert first.legend.endswith("gap: distance of <means>.")
    assert more.question == "More columns"
    assert more.headings == ["", "items", "τ"]
    assert more.rows == [["closing", "20.2", "not finite"]]
    assert more.legend == "One seed. τ: temperature."


def test_nothing_published_is_a_table_of_what_was_obtained() -> None:
    class Own(Tiny):
        published = ()

    (table,) = comparison(Own(), found())
    assert table.question == "Obtained"
    assert table.rows[0] == ["CLIP", "0.600 ± 0.141", "–", "–"]
    assert "Published" not in table.legend


def test_columns_without_numbers_are_left_out() -> None:
    assert comparison(Tiny(), found(Values())) == []
    only = Values([Value("CLIP", "items", 0, 1.0), Value("CLIP", "items", 1, 1.0)])
    (table,) = comparison(Tiny(), found(only))
    assert table.rows == [["CLIP", "1.000 ± 0.000"]]
    assert table.legend == "Mean ± standard deviation over 2 seeds."


def test_infinity_is_no_number_and_no_warning() -> None:
    values = Values([Value("CLIP", "items", 0, math.inf), Value("CLIP", "items", 1, 1.0)])
    assert comparison(Tiny(), found(values))[0].rows == [["CLIP", "not finite"]]


@pytest.mark.parametrize(
    ("numbers", "printed"),
    [
        ([-12.34, -0.1234, 0.0, 1234.56], ["-12.3", "-0.1", "0.0", "1234.6"]),
        ([-9.8765, -0.1234, 0.0], ["-9.877", "-0.123", "0.000"]),
        ([math.nan, -0.1234], ["not finite", "-0.123"]),
    ],
)
def test_numbers_of_a_column_have_as_many_places_as_the_largest_leaves(
    numbers: list[float], printed: list[str]
) -> None:
    values = Values(Value(str(k), "items", 0, x) for k, x in enumerate(numbers))
    rows = comparison(Tiny(), found(values))[0].rows
    assert [cell for _, cell in rows] == printed


def test_a_published_column_that_was_not_obtained_for_a_row_is_a_dash() -> None:
    class Wide(Tiny):
        published = (Published("CLIP", "gap", 0.5), Published("CLIP", "items", 7))

    values = Values([Value("CLIP", "gap", 0, 0.5), Value("closing", "items", 0, 2.0)])
    (table,) = comparison(Wide(), found(values))
    assert table.rows == [
        ["CLIP, published", "0.5 [S]", "7 [S]"],
        ["CLIP, obtained", "0.500", "–"],
        ["closing, obtained", "–", "2.000"],
    ]


def test_verdicts_as_a_table() -> None:
    table = verdict_table(result().verdicts)
    assert table.prose
    assert table.rows == [["T-1: a | b < c", "holds", "0.40 to 0.25", "the gap falls"]]
