"""`isthmus demo`: the whole way once, on embedded data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import Seed


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the report, results, embeddings and models.")
    ] = Path("isthmus-demo"),
    seed: Seed = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A short run on less data.")] = False,
) -> None:
    """Train three small models, measure their gaps, close one, and write a report."""
    from ..errors import missing

    try:
        import lightning  # noqa: F401
        import skimage  # noqa: F401
    except ImportError as error:
        raise missing(str(error.name), extra="train") from None
    from ..demo import run_demo

    run_demo(out, seed=seed, quick=quick)
