"""The figures of a calibration: scores, reliability, and what a cut-off buys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from ..calibration import CutOff, Evidence, Reliability
from ..calibration.evidence import from_edges
from .density import add_density, rounded
from .figures import MODALITY_COLOURS

MATCH_COLOUR, OTHER_COLOUR = "#d1495b", "#8a8f98"

_BINS = 50
_POINTS = 200  # of a curve, at most
_SYMBOLS = ("circle", "diamond", "square", "cross")
_UNIT = {"range": [-0.02, 1.02]}


def score_histogram(evidence: Evidence, cuts: Sequence[CutOff] = ()) -> go.Figure:
    """Densities of the cosines of matches and of other pairs, with cut-offs as lines."""
    low, high = float(evidence.edges[0]), float(evidence.edges[-1])
    margin = max(0.02, (high - low) * 0.03)
    bounds = np.linspace(low - margin, high + margin, _BINS + 1)
    figure = go.Figure()
    known = {"matches": MATCH_COLOUR} if evidence.n_matches else {}
    for name, colour in {**known, "other pairs": OTHER_COLOUR}.items():
        density = evidence.density(bounds, matches=name == "matches")
        add_density(figure, bounds, density, name, colour)
    for cut in cuts:
        if cut.reachable:
            figure.add_vline(
                x=round(cut.threshold, 4),
                line={"width": 1.5, "dash": "dot", "color": MODALITY_COLOURS[2]},
                annotation={"text": str(cut.target), "textangle": -90, "yanchor": "top"},
            )
    figure.update_layout(
        xaxis={"title": "cosine", "range": [low - margin, high + margin]},
        yaxis={"title": "density", "rangemode": "tozero"},
    )
    return figure


def reliability_figure(found: Mapping[str, Reliability]) -> go.Figure:
    """Observed share of matches against predicted probability, a line of points per score."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": OTHER_COLOUR, "width": 1, "dash": "dash"},
        name="as stated",
        hoverinfo="skip",
    )
    for k, (name, reliability) in enumerate(found.items()):
        predicted = np.array([each.predicted for each in reliability.bins])
        value, low, high = np.array(
            [
                [each.observed.value, each.observed.low, each.observed.high]
                for each in reliability.bins
            ]
        ).T
        figure.add_scatter(
            x=rounded(predicted),
            y=rounded(value),
            error_y={
                "type": "data",
                "symmetric": False,
                "array": rounded(high - value),
                "arrayminus": rounded(value - low),
                "thickness": 1,
                "width": 3,
            },
            mode="lines+markers",
            line={"color": MODALITY_COLOURS[k % len(MODALITY_COLOURS)], "width": 1.5},
            marker={"size": 7, "symbol": _SYMBOLS[k % len(_SYMBOLS)]},
            text=[f"{each.matches:,} matches, {each.others:,} others" for each in reliability.bins],
            hovertemplate="stated %{x:.2f}, found %{y:.2f}: %{text}",
            name=name,
        )
    figure.update_layout(
        xaxis={"title": "stated probability of a match", **_UNIT},
        yaxis={"title": "share of matches found", **_UNIT},
    )
    return figure


def precision_figure(found: Mapping[str, Evidence], prior: float) -> go.Figure:
    """Precision against recall as the cut-off moves, a line per score."""
    figure = go.Figure()
    for k, (name, evidence) in enumerate(found.items()):
        recall = from_edges(evidence.all_matches) / evidence.n_matches
        passing = from_edges(evidence.all_others) / evidence.n_others
        right, wrong = prior * recall, (1 - prior) * passing
        some = np.flatnonzero(recall > 0)
        kept = some[np.unique(np.linspace(0, len(some) - 1, _POINTS).round().astype(np.int64))]
        figure.add_scatter(
            x=rounded(recall[kept]),
            y=rounded(right[kept] / (right + wrong)[kept]),
            mode="lines",
            line={"color": MODALITY_COLOURS[k % len(MODALITY_COLOURS)], "width": 2},
            text=[f"{name} {value:.3f}" for value in evidence.edges[kept]],
            hovertemplate="%{text}: precision %{y:.2f}, recall %{x:.2f}",
            name=name,
        )
    figure.update_layout(xaxis={"title": "recall", **_UNIT}, yaxis={"title": "precision", **_UNIT})
    return figure
