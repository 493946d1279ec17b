"""The one table of this package: a row per set of embeddings and pair of modalities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..metrics.measurement import Measurement, PairMeasurement

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@dataclass(frozen=True)
class Column:
    """One column: its heading, what it means, how many decimals, and which way is better."""

    title: str
    meaning: str
    value: Callable[[Measurement, PairMeasurement], float | None]
    better: str
    decimals: int = 3

    def text(self, measurement: Measurement, pair: PairMeasurement) -> str:
        """The cell; a dash where there is no such number."""
        value = self.value(measurement, pair)
        return "–" if value is None else f"{value:.{self.decimals}f}"


COLUMNS: tuple[Column, ...] = (
    Column(
        "gap (L2M)",
        "distance between the centres of the two modalities, 0 to 2",
        lambda _, pair: pair.l2m,
        "lower",
    ),
    Column(
        "RMG",
        "relative modality gap: 0 when pairs coincide, 0.5 when they are as far apart as two "
        "random items of one modality",
        lambda _, pair: pair.rmg,
        "lower",
    ),
    Column(
        "pair cosine",
        "mean cosine of true pairs",
        lambda _, pair: pair.pair_cosine,
        "higher",
    ),
    Column(
        "R@1 →",
        "share of items of the first modality whose nearest item of the second is a match",
        lambda _, pair: pair.recall(0),
        "higher",
    ),
    Column(
        "R@1 ←",
        "the same from the second modality to the first",
        lambda _, pair: pair.recall(1),
        "higher",
    ),
    Column(
        "V-measure",
        "agreement of k-means clusters over all modalities at once with the labels",
        lambda measurement, _: _v_measure(measurement),
        "higher",
    ),
    Column(
        "kNN",
        "accuracy of a 5-nearest-neighbour vote over all modalities, folds split by group",
        lambda measurement, _: _knn(measurement),
        "higher",
    ),
)


@dataclass(frozen=True)
class Row:
    """One row of the table: its name and cells, and the pair of modalities that it is of."""

    name: str
    pair: str
    cells: tuple[str, ...]


def table_rows(measurements: Mapping[str, Measurement]) -> list[Row]:
    """The rows for named measurements."""
    return [
        Row(
            name,
            " → ".join(pair.modalities),
            tuple(column.text(measurement, pair) for column in COLUMNS),
        )
        for name, measurement in measurements.items()
        for pair in measurement.pairs
    ]


def rich_table(measurements: Mapping[str, Measurement], *, title: str | None = None) -> RichTable:
    """The table for the terminal. The pairs have a column only where they differ."""
    from rich import box
    from rich.table import Table

    rows = table_rows(measurements)
    several = len({row.pair for row in rows}) > 1
    caption = None if several else f"→ is {rows[0].pair}"
    table = Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=0,
    )
    table.add_column("", no_wrap=True)
    if several:
        table.add_column("modalities", no_wrap=True)
    for column in COLUMNS:
        longest = max(5, *map(len, column.title.split()))
        table.add_column(column.title, justify="right", min_width=longest)
    for row in rows:
        table.add_row(row.name, *([row.pair] if several else []), *row.cells)
    return table


def _knn(measurement: Measurement) -> float | None:
    return None if measurement.knn_accuracy is None else measurement.knn_accuracy.value


def _v_measure(measurement: Measurement) -> float | None:
    return None if measurement.clustering is None else measurement.clustering.v_measure
