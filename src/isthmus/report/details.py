"""The tables behind the main one, in the order of the questions that they answer."""

from __future__ import annotations

from ..metrics.measurement import Measurement
from .bias_tables import bias_table, presence_table
from .cost_tables import mixed_table, retrieval_table
from .detail import Detail
from .dimension_tables import ablation_table, largest_means_table
from .gap_tables import (
    carriers_table,
    centroids_table,
    modalities_table,
    size_table,
    softmax_table,
)
from .group_tables import (
    clusters_table,
    information_table,
    neighbours_table,
    order_table,
    probes_table,
    scatter_table,
    zero_shot_table,
)

_TABLES = (
    *(size_table, centroids_table, carriers_table, largest_means_table, ablation_table),
    *(modalities_table, retrieval_table, mixed_table),
    *(clusters_table, neighbours_table, zero_shot_table, scatter_table, order_table),
    *(probes_table, information_table, softmax_table, bias_table, presence_table),
)


def details(measurement: Measurement) -> list[Detail]:
    """How big is the gap, what carries it, what does it cost? Only tables that have numbers."""
    tables = [table(measurement) for table in _TABLES]
    return [table for table in tables if table.rows]
