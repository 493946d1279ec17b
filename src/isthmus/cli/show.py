"""How results appear on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..metrics.measurement import Measurement

_HEADINGS = {
    "closing_preview": "What would closing the gap bring? Centering fitted on half of the "
    "groups, measured on the other half:"
}


def show(
    measurements: Mapping[str, Measurement],
    sentences: Iterable[str] = (),
    *,
    detailed: bool = False,
    more: Mapping[str, Iterable[str]] | None = None,
) -> None:
    """Print the table, the tables behind it if `detailed`, and sentences as lists."""
    from rich.console import Console

    from ..report import details, rich_detail, rich_table

    console = Console()
    console.print(rich_table(measurements))
    for measurement in measurements.values() if detailed else ():
        for detail in details(measurement):
            console.print(rich_detail(detail))
    for heading, lines in {"": sentences, **(more or {})}.items():
        if heading:
            console.print(f"\n{_HEADINGS[heading]}")
        for line in lines:
            console.print(f"• {line}", highlight=False, markup=False)
