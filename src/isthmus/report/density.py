"""Numbers as the figures want them, and the outline of a density."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray


def add_density(
    figure: go.Figure,
    edges: NDArray[np.float64],
    density: NDArray[np.float64],
    title: str,
    colour: str,
) -> None:
    """A filled outline of a density of cosines between successive edges."""
    figure.add_scatter(
        **xy(np.stack([(edges[1:] + edges[:-1]) / 2, density], axis=1)),
        mode="lines",
        line={"color": colour, "width": 2, "shape": "hvh"},
        fill="tozeroy",
        fillcolor=_translucent(colour),
        name=title,
        hovertemplate="cosine %{x:.2f}: density %{y:.2f}",
    )


def xy(points: NDArray[np.float64]) -> dict[str, list[float | None]]:
    """Points (n, 2) as the two coordinates of a trace."""
    return {"x": rounded(points[:, 0]), "y": rounded(points[:, 1])}


def rounded(values: NDArray[np.float64]) -> list[float | None]:
    """Four decimals keep the page small; NaN breaks a line."""
    return [None if np.isnan(v) else round(float(v), 4) for v in values]


def _translucent(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.12)"
