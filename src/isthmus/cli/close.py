"""`isthmus close SOURCE`: fit a transform that closes the gap, and apply it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Groups, Labels, Modalities, Seed, Source, split_names
from .progress import progress_bar
from .show import show


def close(
    source: Source,
    out: Annotated[
        Path,
        typer.Option(help="Folder for closer.safetensors and the closed vectors."),
    ],
    method: Annotated[str, typer.Option(help="How to close the gap: centering.")] = "centering",
    fit_on: Annotated[
        list[str] | None,
        typer.Option(
            help="Fit on this source instead: a folder or file, or NAME=FILE for each modality.",
            show_default=False,
        ),
    ] = None,
    modalities: Modalities = None,
    groups: Groups = None,
    labels: Labels = None,
    seed: Seed = 0,
) -> None:
    """Close the modality gap of embeddings after the fact."""
    from rich.console import Console

    from ..closers import KINDS
    from ..errors import InputError
    from ..files import check_writable, write_together
    from ..metrics.measure import measure as measure_embeddings
    from ..progress import steps
    from ..readers import read_embeddings
    from ..readers.write import embedding_writers
    from ..report import compare

    if out.suffix in (".parquet", ".safetensors"):
        raise InputError(f"--out is a folder, which holds the closer too; found {out}")
    if method not in KINDS:
        raise InputError(f"no method '{method}'; there are: {', '.join(KINDS)}")
    space = read_embeddings(
        *source, modalities=split_names(modalities), groups=groups or (), labels=labels or ()
    )
    calibration = space
    if fit_on:
        calibration = read_embeddings(*fit_on, modalities=list(space.names))
    closer = KINDS[method]().fit(calibration)
    closed = closer.close(space)
    check_writable(out)
    measurements = {}
    with progress_bar(), steps({"before": 1, "closed": 1}) as step:
        for name, embeddings in (("before", space), ("closed", closed)):
            with step(name):
                measurements[name] = measure_embeddings(embeddings, seed=seed)
    write_together({out / "closer.safetensors": closer.save, **embedding_writers(out, closed)})
    show(measurements, compare("before", measurements["before"], "closed", measurements["closed"]))
    Console().print(
        f"Written to {out}: closer.safetensors, {', '.join(n + '.npy' for n in closed.names)}",
        highlight=False,
    )
