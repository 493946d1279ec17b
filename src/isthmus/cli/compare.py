"""`isthmus compare A B …`: several sets or runs side by side, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Html, Json, Modalities, Seed, check_outputs, split_names
from .show import show


def compare(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Folders or files, each one set of embeddings; the first is the base."),
    ],
    modalities: Modalities = None,
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
    """Measure several sets of embeddings side by side, with intervals."""
    from ..errors import InputError
    from ..metrics.measure import measure as measure_embeddings
    from ..metrics.uncertainty import matched_sizes
    from ..readers import read_sets
    from ..report import differences, sets_report, write_json

    sets = {}
    for source in sources:
        for name, space in read_sets(source, modalities=split_names(modalities)).items():
            if name in sets:
                raise InputError(f"two sets are called '{name}': rename a folder or file")
            sets[name] = space
    if len(sets) < 2:
        raise InputError(f"a comparison needs at least two sets; found {', '.join(sets)}")
    check_outputs(json, html)
    if matched:
        sampled = matched_sizes(list(sets.values()), seed=seed)
        sets = dict(zip(sets, sampled, strict=True))
    measurements = {name: measure_embeddings(space, seed=seed) for name, space in sets.items()}
    sentences = differences(measurements)
    if json is not None:
        write_json(json, measurements, findings=sentences)
    if html is not None:
        title, subtitle = "Modality gaps compared", " · ".join(sets)
        sets_report(title, subtitle, sets, measurements, findings=sentences, seed=seed).write(html)
    show(measurements, sentences)
