"""How results appear on the terminal."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..metrics.measurement import Measurement
    from ..report import Detail


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
    tell(sentences)
    if preview:
        console.print(f"\n{PREVIEW_HEADING}")
    tell(preview)


def show_detail(detail: Detail) -> None:
    """Print one table."""
    from rich.console import Console

    from ..report import rich_detail

    Console().print(rich_detail(detail))


def tell(sentences: Iterable[str]) -> None:
    """Print sentences as a list."""
    from rich.console import Console

    console = Console()
    for sentence in sentences:
        console.print(f"• {sentence}", highlight=False, markup=False)


@contextmanager
def tell_drift() -> Iterator[None]:
    """Print warnings of vectors from elsewhere once the work inside is done."""
    from ..closers import DriftWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DriftWarning)
        yield
    tell(f"Warning: {found.message}" for found in caught if found.category is DriftWarning)
    for found in caught:
        if found.category is not DriftWarning:
            warnings.warn_explicit(found.message, found.category, found.filename, found.lineno)
