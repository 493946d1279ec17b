"""Claims held to tables: each criterion just met, and missed by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import pytest

from isthmus.papers.claims import Claim
from isthmus.papers.values import Value, Values

Table: TypeAlias = Mapping[str, Mapping[str, float | Sequence[float]]]
"""Row → column → number, or a number for each seed."""

Change: TypeAlias = tuple[str, str, Any]
"""A row, a column, and another number."""

Case: TypeAlias = tuple[Claim, Table, Table, Sequence[Change]]
"""A claim, a table of which it just holds, changes under which it does, and those that break it."""


def values(table: Table, changes: Table | None = None) -> Values:
    """The numbers of a table, some of them changed."""
    rows = {row: {**columns, **(changes or {}).get(row, {})} for row, columns in table.items()}
    return Values(
        Value(row, column, seed, number)
        for row, columns in rows.items()
        for column, numbers in columns.items()
        for seed, number in enumerate([numbers] if isinstance(numbers, int | float) else numbers)
    )


def claim_tests(cases: Mapping[str, Case]) -> type:
    """Tests of every claim: a class to be named in the module whose cases they are."""
    failing = pytest.mark.parametrize(
        ("claim", "table", "change"),
        [
            pytest.param(claim, table, change, id=f"{name}: {change[1]} of {change[0]} {change[2]}")
            for name, (claim, table, _, changes) in cases.items()
            for change in changes
        ],
    )

    class TestClaims:
        @pytest.mark.parametrize("name", cases)
        def test_it_holds_where_every_criterion_is_just_met(self, name: str) -> None:
            claim, table, also, _ = cases[name]
            for changes in ({}, also):
                verdict = claim.judge(values(table, changes))
                assert verdict.holds is True, verdict.numbers
                assert "nan" not in verdict.numbers

        @failing
        def test_it_does_not_hold_where_one_criterion_is_missed(
            self, claim: Claim, table: Table, change: Change
        ) -> None:
            row, column, number = change
            assert claim.judge(values(table, {row: {column: number}})).holds is False

        @failing
        @pytest.mark.parametrize("lack", ["not there", "not a number"])
        def test_it_is_not_judged_where_a_number_that_it_needs_is_missing(
            self, claim: Claim, table: Table, change: Change, lack: str
        ) -> None:
            row, column, _ = change
            rest = Values(v for v in values(table).values if (v.row, v.column) != (row, column))
            if lack == "not a number":
                rest += Values([Value(row, column, 0, math.nan)])
            verdict = claim.judge(rest)
            assert verdict.holds is None
            assert row in verdict.numbers

        @pytest.mark.parametrize("name", cases)
        def test_it_is_not_run_where_there_is_nothing(self, name: str) -> None:
            assert cases[name][0].judge(Values()).word == "not run"

    return TestClaims
