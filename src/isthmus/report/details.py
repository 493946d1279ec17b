"""The tables behind the main one, in the order of the questions that they answer."""

from __future__ import annotations

from ..metrics.measurement import Measurement
from .cost_tables import groups_table, mixed_table, retrieval_table, scatter_table
from .detail import Detail
from .gap_tables import bias_table, carriers_table, modalities_table, size_table, softmax_table

_TABLES = (
    *(size_table, carriers_table, modalities_table),
    *(retrieval_table, mixed_table, groups_table, scatter_table),
    *(softmax_table, bias_table),
)


def details(measurement: Measurement) -> list[Detail]:
    """How big is the gap, what carries it, what does it cost? Only tables that have numbers."""
    tables = [table(measurement) for table in _TABLES]
    return [table for table in tables if table.rows]
