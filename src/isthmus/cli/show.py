"""How results appear on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..metrics.measurement import Measurement


def show(
    measurements: Mapping[str, Measurement],
    sentences: Iterable[str] = (),
    *,
    detailed: bool = False,
    preview: Sequence[str] = (),
) -> None:
    """Print the table, the tables behind it if `detailed`, and sentences as lists."""
    from rich.console import Console

    from ..report import details, rich_detail, rich_table
    from ..report.preview import PREVIEW_HEADING

    console = Console()
    console.print(rich_table(measurements))
    for measurement in measurements.values() if detailed else ():
        for detail in details(measurement):
            console.print(rich_detail(detail))
    for sentence in sentences:
        console.print(f"• {sentence}", highlight=False, markup=False)
    if preview:
        console.print(f"\n{PREVIEW_HEADING}")
    for sentence in preview:
        console.print(f"• {sentence}", highlight=False, markup=False)
