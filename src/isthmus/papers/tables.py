"""Published and obtained numbers side by side, and the verdicts, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..report.detail import Detail
from .artefact import Artefact
from .claims import Verdict
from .result import Result
from .values import TAGS, Values

DASH = "–"


def comparison(artefact: Artefact, result: Result) -> list[Detail]:
    """A table of what the paper has too, and one of the other columns; without empty ones."""
    known = {p.column for p in artefact.published}
    columns = [column for column in artefact.columns if column in result.values.columns]
    paper = [column for column in columns if column in known]
    more = [column for column in columns if column not in known]
    tables = []
    if paper:
        tags = sorted({p.tag for p in artefact.published})
        legend = "; ".join(f"[{tag}] {TAGS[tag]}" for tag in tags)
        tables.append(
            Detail(
                "Published and obtained",
                ["", *paper],
                _side_by_side(artefact, result.values, paper),
                f"{_spread(result.values, paper)} Published: {legend}. "
                f"{_meaning(artefact, paper)}".strip(),
            )
        )
    if more:
        rows = [
            [row, *(_obtained(result.values, row, c) for c in more)]
            for row in result.values.rows
            if _any(result.values, row, more)
        ]
        title = "More columns" if paper else "Obtained"
        legend = f"{_spread(result.values, more)} {_meaning(artefact, more)}".strip()
        tables.append(Detail(title, ["", *more], rows, legend))
    return tables


def verdict_table(verdicts: Sequence[Verdict]) -> Detail:
    """Every claim with its verdict, its numbers and its criterion."""
    return Detail(
        "Does it show what the paper claims?",
        ["claim", "verdict", "obtained", "criterion, fixed before"],
        [[f"{v.id}: {v.text}", v.word, v.numbers, v.criterion] for v in verdicts],
        "",
        prose=True,
    )


def _side_by_side(artefact: Artefact, values: Values, columns: Sequence[str]) -> list[list[str]]:
    known = {(p.row, p.column): p for p in artefact.published}
    order = dict.fromkeys([*(p.row for p in artefact.published), *values.rows])
    rows = []
    for row in order:
        cells = [known.get((row, column)) for column in columns]
        if any(cells):
            rows.append(
                [f"{row}, published", *(f"{c.value:g} [{c.tag}]" if c else DASH for c in cells)]
            )
        if _any(values, row, columns):
            rows.append([f"{row}, obtained", *(_obtained(values, row, c) for c in columns)])
    return rows


def _any(values: Values, row: str, columns: Sequence[str]) -> bool:
    return any(len(values.of(row, column)) for column in columns)


def _obtained(values: Values, row: str, column: str) -> str:
    """Mean ± standard deviation over seeds; a dash where there is none."""
    found = values.of(row, column)
    if not len(found):
        return DASH
    if not np.isfinite(found).all():
        return "not finite"
    mean, deviation = values.mean(row, column), values.deviation(row, column)
    places = _places(values, column)
    spread = "" if deviation is None else f" ± {deviation:.{places}f}"
    return f"{mean:.{places}f}{spread}"


def _places(values: Values, column: str) -> int:
    """One decimal place where a column has means of 10 or more, three where it has none."""
    means = np.array(
        [values.mean(row, column) for row in values.rows if len(values.of(row, column))]
    )
    return 1 if (np.abs(means[np.isfinite(means)]) >= 10).any() else 3


def _spread(values: Values, columns: Sequence[str]) -> str:
    counts = {len(values.of(row, column)) for row in values.rows for column in columns} - {0}
    if counts == {1}:
        return "One seed."
    single = "; without ± of one seed" if 1 in counts else ""
    return f"Mean ± standard deviation over {max(counts)} seeds{single}."


def _meaning(artefact: Artefact, columns: Sequence[str]) -> str:
    said = "; ".join(f"{c}: {artefact.columns[c]}" for c in columns if artefact.columns[c])
    return f"{said}." if said else ""
