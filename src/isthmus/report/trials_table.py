"""The table of closers that were tried."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..closers.selection import METRICS, OPEN, PURPOSES, Choice, Trials
from ..metrics.measurement import plain
from .detail import Detail

_LEFT_OUT = ("rmg",)  # of the table, which is wide; the record has it


def trials_table(trials: Trials, *, purpose: str = "search", first: Sequence[str] = ()) -> Detail:
    """Held-out scores of every method, `first` before the others.

    What `choose` looks at for a purpose has intervals.
    """
    looked_at = ("recall", PURPOSES[purpose])
    names = [*first, *(name for name in trials.scores if name not in first)]
    columns = [
        name
        for name in METRICS
        if name not in _LEFT_OUT
        and name in trials.scores[OPEN]
        and not any(map(math.isnan, trials.scores[OPEN][name]))
    ]
    rows = [
        [name, *(_cell(trials, name, score, score in looked_at) for score in columns)]
        for name in names
    ]
    each = trials.groups * (trials.folds - 1) // trials.folds
    legend = (
        f"Means over {trials.folds * trials.repeats} splits of {trials.groups:,} groups, fitted on "
        f"{each:,} and judged by the other {trials.groups - each:,}, with 95 % intervals."
    )
    headings = ("method", *(METRICS[name] for name in columns))
    return Detail("What does closing buy? Held-out scores", headings, rows, legend)


def trials_record(trials: Trials, choice: Choice | None) -> dict[str, Any]:
    """Scores, refusals and the choice as plain values for JSON."""
    methods = {
        method: {
            score: {"mean": found.value, "low": found.low, "high": found.high}
            for score in scores
            if not math.isnan((found := trials.mean(method, score)).value)
        }
        for method, scores in trials.scores.items()
    }
    record = {
        "groups": trials.groups,
        "folds": trials.folds,
        "repeats": trials.repeats,
        "methods": methods,
        "refused": trials.refused,
        "chosen": choice and choice.method,
        "reasons": list(choice.reasons) if choice else [],
    }
    plain_record: dict[str, Any] = plain(record)
    return plain_record


def _cell(trials: Trials, method: str, score: str, interval: bool) -> str:
    found = trials.mean(method, score)
    return str(found) if interval else f"{found.value:.3f}"
