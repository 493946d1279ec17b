"""CoMM's tables of real data, and their cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.papers import Setting
from isthmus.papers.cell import Cell
from isthmus.papers.comm.bench_table import BenchTable
from isthmus.papers.comm.table1 import TABLE_ONE
from isthmus.papers.comm.table2 import TableTwo
from isthmus.papers.comm.table3 import TABLE_THREE

TABLES: Mapping[str, BenchTable] = {a.name: a for a in (*TABLE_ONE, TableTwo(), *TABLE_THREE)}


def rows_of(name: str, **setting: Any) -> dict[str, Cell]:
    """The cells of a table at its first seed, by row."""
    cells = TABLES[name].cells(Setting.of(**{"scale": "paper", "seeds": 1, **setting}))
    return {cell.row: cell for cell in cells}
