"""`isthmus apply CLOSER SOURCE OUT`: close all vectors of a source with a saved closer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Groups, Labels, Modalities, Source, split_names
from .progress import progress_bar
from .show import tell, tell_drift


def apply(
    closer: Annotated[
        Path,
        typer.Argument(help="The closer.safetensors of `isthmus close`.", show_default=False),
    ],
    source: Source,
    out: Annotated[
        Path,
        typer.Argument(
            help="A folder, which gets one NAME.npy per modality; a file NAME.parquet; or "
            "NAME.lance, a new LanceDB table.",
            show_default=False,
        ),
    ],
    modalities: Modalities = None,
    groups: Groups = None,
    labels: Labels = None,
    dtype: Annotated[
        str | None,
        typer.Option(help="float16, float32 or float64.", show_default="the source's"),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Forget an unfinished run, and replace a LanceDB table that is there."
        ),
    ] = False,
) -> None:
    """Close all vectors of a source, one modality or several, with a saved closer.

    Streams, in bounded memory. A run that was stopped goes on where it was when repeated.
    """
    from ..deploy.apply import apply as apply_closer

    with progress_bar(), tell_drift():
        done = apply_closer(
            closer,
            source,
            out,
            modalities=split_names(modalities),
            groups=groups or (),
            labels=labels or (),
            dtype=dtype,
            fresh=fresh,
        )
    shapes = ", ".join(
        f"{name} ({rows:,} x {width} {done.dtypes[name]})"
        for name, (rows, width) in done.shapes.items()
    )
    resumed = f"; went on behind the {done.resumed:,} rows of a run that was stopped"
    tell([f"Written to {out}: {shapes}{resumed if done.resumed else ''}"])
