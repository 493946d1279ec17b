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


def failing(cases: Mapping[str, Case]) -> list[Any]:
    """Parameters: claim, table, and each change that breaks it."""
    return [
        pytest.param(claim, table, change, id=f"{name}: {change[1]} of {change[0]} is {change[2]}")
        for name, (claim, table, _, changes) in cases.items()
        for change in changes
    ]


def check_holds(case: Case) -> None:
    """The claim holds of its table, and under the changes that it allows."""
    claim, table, also, _ = case
    for changes in ({}, also):
        verdict = claim.judge(values(table, changes))
        assert verdict.holds is True, verdict.numbers
        assert "nan" not in verdict.numbers


def check_fails(claim: Claim, table: Table, change: Change) -> None:
    """The claim does not hold under a change."""
    row, column, number = change
    assert claim.judge(values(table, {row: {column: number}})).holds is False


def check_not_judged(claim: Claim, table: Table, change: Change, *, nan: bool) -> None:
    """The claim is not judged where that number is missing, or is none."""
    row, column, _ = change
    rest = Values(v for v in values(table).values if (v.row, v.column) != (row, column))
    verdict = claim.judge(rest + Values([Value(row, column, 0, math.nan)]) if nan else rest)
    assert verdict.holds is None
    assert row in verdict.numbers
