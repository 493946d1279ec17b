"""How much of the known information each method keeps, as a share and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...datasets.information_world import InformationWorld
from ...report.figures import MODALITY_COLOURS, pick
from ...report.page import Card
from ..values import Values
from .methods import METHODS
from .worlds import WORLDS, row_of

if TYPE_CHECKING:
    import plotly.graph_objects as go


def kept(world: InformationWorld, part: str, accuracy: float) -> float:
    """Where a balanced accuracy, in %, lies from chance, 0, to the ceiling, 1.

    >>> kept(InformationWorld(shared=4, flip=0.1), "shared", 90.0)
    1.0
    """
    chance, ceiling = world.chance(part), world.ceiling(part)
    return (accuracy / 100 - chance) / (ceiling - chance)


def kept_by(values: Values, name: str, method: str, part: str) -> NDArray[np.float64]:
    """That share of a part of a world at every seed."""
    found = values.of(row_of(name, method), part)
    if not len(found):
        raise KeyError((row_of(name, method), part))
    return np.array([kept(WORLDS[name], part, accuracy) for accuracy in found])


def shares(values: Values) -> Card:
    """Bars for every part of every world."""
    return Card(
        "What each method keeps of what there is to know",
        "Balanced accuracy of a linear probe from chance, 0, to the ceiling of the world, 1: mean "
        "over seeds. Bits in brackets.",
        _bars(values),
    )


def _bars(values: Values) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    for k, method in enumerate(METHODS):
        places: tuple[list[str], list[str]] = ([], [])
        heights = []
        for name in WORLDS:
            for part in WORLDS[name].parts:
                if not len(values.of(row_of(name, method), part)):
                    continue
                bits = WORLDS[name].bits[part]
                alone = len(WORLDS[name].parts) == 1
                places[0].append("alone" if alone else name.replace(" ", "<br>"))
                places[1].append(f"{part} ({bits:.2g})")
                heights.append(round(float(kept_by(values, name, method, part).mean()), 3))
        figure.add_bar(
            x=places, y=heights, name=method, marker={"color": pick(MODALITY_COLOURS, k)}
        )
    figure.add_hline(y=1, line={"width": 1, "dash": "dot"})
    figure.update_layout(
        barmode="group",
        bargap=0.25,
        xaxis={"title": ""},
        yaxis={"title": "share that is kept"},
    )
    return figure
