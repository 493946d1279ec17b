"""`isthmus measure SOURCE`: what is the gap, and what does it cost?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import (
    Attributes,
    Groups,
    Html,
    Json,
    Labels,
    Modalities,
    Seed,
    Source,
    check_outputs,
    split_names,
)
from .progress import progress_bar
from .show import show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..embeddings import Embeddings

_PREVIEW = "closing preview"


def measure(
    source: Source,
    modalities: Modalities = None,
    groups: Groups = None,
    labels: Labels = None,
    attributes: Attributes = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            help="Also the softmax entropy and contrastive loss at this temperature.",
            show_default=False,
        ),
    ] = None,
    html: Html = None,
    json: Json = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Only what one pass over the rows gives.")
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="No estimates: all pairs of rows, every query.")
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Part i of n of the groups, as i/n with i from 0: for cluster arrays.",
            show_default=False,
        ),
    ] = None,
    save_state: Annotated[
        Path | None,
        typer.Option(
            help="Write the one-pass state for `isthmus merge`; implies --fast.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Measure the modality gap of embeddings, and what it costs."""
    from ..errors import InputError
    from ..metrics.measure import measure as measure_embeddings
    from ..metrics.measure import one_pass_measurement
    from ..metrics.state import GapState
    from ..progress import steps
    from ..readers import read_sets
    from ..report import findings, write_json

    with progress_bar():
        sets = read_sets(
            *source,
            modalities=split_names(modalities),
            groups=groups or (),
            labels=labels or (),
            attributes=attributes or (),
        )
    check_outputs(json, html, save_state)
    if shard is not None:
        sets = {f"{name} {shard}": _part(space, shard) for name, space in sets.items()}
    if save_state is not None:
        if len(sets) > 1:
            raise InputError(f"a state is of one set; found {', '.join(sets)}")
        ((name, space),) = sets.items()
        with progress_bar():
            state = GapState.of(space)
        state.save(save_state)
        show({name: one_pass_measurement(state)})
        return
    several = len(sets) > 1
    previewed: list[str] = []
    measurements = {}
    with progress_bar(), steps(_work(sets, preview=not (several or fast))) as step:
        for name, space in sets.items():
            with step(name):
                measurements[name] = measure_embeddings(
                    space, temperature=temperature, fast=fast, exact=exact, seed=seed
                )
        if not (several or fast):
            with step(_PREVIEW):
                previewed = _preview(next(iter(sets.values())), seed)
    sentences = [
        sentence
        for name, measurement in measurements.items()
        for sentence in findings(name if several else "", measurement)
    ]
    if json is not None:
        write_json(json, measurements, findings=sentences, closing_preview=previewed)
    if html is not None:
        from ..report import sets_report

        sets_report(
            "Modality gap report",
            " · ".join(Path(part).name for part in source),
            sets,
            measurements,
            findings=sentences,
            preview=previewed,
            seed=seed,
        ).write(html)
    show(measurements, sentences, detailed=not several, preview=previewed)


def _work(sets: Mapping[str, Embeddings], *, preview: bool) -> dict[str, float]:
    """The steps of the command, as long as they have rows."""
    from ..report.preview import GROUPS

    rows = {name: float(sum(map(len, space.codes.values()))) for name, space in sets.items()}
    return rows | ({_PREVIEW: min(2.0 * GROUPS, sum(rows.values()))} if preview else {})


def _part(space: Embeddings, shard: str) -> Embeddings:
    from ..errors import InputError
    from ..resampling import shard as take_shard

    index, _, count = shard.partition("/")
    if not (index.isdigit() and count.isdigit()):
        raise InputError(f"--shard is i/n, such as 0/8; found {shard}")
    return take_shard(space, int(index), int(count))


def _preview(space: Embeddings, seed: int) -> list[str]:
    """What centering would bring; nothing where the set is too small to halve."""
    from ..report.findings import compare
    from ..report.preview import preview

    found = preview(space, seed=seed)
    return [] if found is None else compare("open", found.before, "centered", found.after)
