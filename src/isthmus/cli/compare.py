"""`isthmus compare A B …`: several sets or runs side by side, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Groups, Html, Json, Labels, Modalities, Seed, check_outputs, split_names
from .progress import progress_bar
from .show import show

if TYPE_CHECKING:
    from ..report import Comparison

_DIFFERENCES = "differences"


def compare(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Folders or files, each one set of embeddings; the first is the base."),
    ],
    modalities: Modalities = None,
    groups: Groups = None,
    labels: Labels = None,
    matched: Annotated[
        bool,
        typer.Option(
            "--matched", help="Measure equally many groups of each: RMG depends on their number."
        ),
    ] = False,
    html: Html = None,
    json: Json = None,
    seed: Seed = 0,
) -> None:
    """Measure several sets of embeddings side by side, with intervals.

    Sets whose group ids are equal hold the same items: their differences are told, by bootstrap
    over groups drawn for both at once.
    """
    from ..errors import InputError
    from ..metrics.measure import measure as measure_embeddings
    from ..metrics.uncertainty import matched_sizes
    from ..progress import steps
    from ..readers import read_sets
    from ..report import comparisons, differences, sets_report, with_tables, write_json

    sets = {}
    for source in sources:
        found = read_sets(
            source,
            modalities=split_names(modalities),
            groups=groups or (),
            labels=labels or (),
        )
        for name, space in found.items():
            if name in sets:
                raise InputError(f"two sets are called '{name}': rename a folder or file")
            sets[name] = space
    if len(sets) < 2:
        raise InputError(f"a comparison needs at least two sets; found {', '.join(sets)}")
    check_outputs(json, html)
    originals = dict(sets)
    if matched:
        sampled = matched_sizes(list(sets.values()), seed=seed)
        sets = dict(zip(sets, sampled, strict=True))
    measurements = {}
    with progress_bar(), steps({**dict.fromkeys(sets, 2), _DIFFERENCES: len(sets)}) as step:
        for name, space in sets.items():
            with step(name):
                measurements[name] = measure_embeddings(space, seed=seed)
        with step(_DIFFERENCES):
            compared = comparisons(measurements, originals, seed=seed)
    sentences = differences(measurements, compared)
    if json is not None:
        told = [each.to_dict() for each in compared]
        write_json(json, measurements, findings=sentences, differences=told)
    if html is not None:
        title, subtitle = "Modality gaps compared", " · ".join(sets)
        report = sets_report(title, subtitle, sets, measurements, findings=sentences, seed=seed)
        with_tables(report, compared).write(html)
    in_tables = {each.sentence() for each in compared if each.paired is not None}
    show(measurements, [sentence for sentence in sentences if sentence not in in_tables])
    _print_tables(compared)


def _print_tables(compared: list[Comparison]) -> None:
    from rich.console import Console

    from ..report import rich_detail

    console = Console()
    for each in compared:
        if (table := each.table()) is not None:
            console.print(rich_detail(table))
