"""Results as JSON and parquet."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..files import atomic_write
from ..metrics.measurement import Measurement


def write_json(path: Path | str, measurements: Mapping[str, Measurement], **more: Any) -> None:
    """Named measurements, and whatever else is given, as one JSON object.

    Holds no time and no path: the same numbers give the same bytes.
    """
    content = {
        "isthmus": __version__,
        **more,
        "measurements": {name: m.to_dict() for name, m in measurements.items()},
    }
    with atomic_write(path) as temporary:
        json_writer(content)(temporary)


def json_writer(content: Mapping[str, Any]) -> Callable[[Path], None]:
    """A function that writes plain values to a path, as indented JSON."""

    def write(path: Path) -> None:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")

    return write


def write_parquet(path: Path | str, measurements: Mapping[str, Measurement]) -> None:
    """One row per set of embeddings and pair of modalities."""
    import pyarrow
    import pyarrow.parquet

    records = [
        {"embeddings": name, **record}
        for name, measurement in measurements.items()
        for record in measurement.to_records()
    ]
    columns = dict.fromkeys(key for record in records for key in record)
    table = pyarrow.table({key: [record.get(key) for record in records] for key in columns})
    with atomic_write(path) as temporary:
        pyarrow.parquet.write_table(table, temporary)
