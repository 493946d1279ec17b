"""`isthmus merge FILES`: states of shards to the numbers of the whole."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Annotated

import typer

from .options import Json
from .show import show


def merge(
    states: Annotated[
        list[Path],
        typer.Argument(help="Files that `isthmus measure --save-state` wrote."),
    ],
    json: Json = None,
) -> None:
    """Add up the states of shards to the gap of the whole."""
    from ..metrics.measure import one_pass_measurement
    from ..metrics.state import GapState
    from ..report import write_json

    state = reduce(GapState.merge, map(GapState.load, states))
    measurements = {"merged": one_pass_measurement(state)}
    if json is not None:
        write_json(json, measurements)
    show(measurements, detailed=True)
