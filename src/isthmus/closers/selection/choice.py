"""Choosing a closer by held-out scores, and saying why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...embeddings import Embeddings
from ...errors import InputError
from .scores import METRICS
from .trials import OPEN, Trials

PURPOSES = {
    "search": "search_recall",
    "clustering": "v_measure",
    "classification": "neighbours",
}
"""What vectors are for → the score that a closer is chosen by; the last two need labels."""

TOLERANCE = 0.05
"""R@1 across modalities that a closer may cost."""


@dataclass(frozen=True)
class Choice:
    """The method, None where none is clearly better than the open space; and why, in sentences."""

    method: str | None
    reasons: tuple[str, ...]


def choose(
    trials: Trials,
    methods: Sequence[str],
    *,
    purpose: str = "search",
    tolerance: float = TOLERANCE,
) -> Choice:
    """The best method for a purpose, of those that do not harm retrieval.

    1. Left out is what lowers R@1 from one modality to another, in the mean over splits, by
       more than the tolerance.
    2. Of the rest, the one with the highest mean of the purpose's score is the best.
    3. Taken is the first method in the given order that is clearly better than the open space,
       and that the best does not clearly beat: the 95 % interval of their difference holds 0.
       Order them from simple to complex.
    4. None, where there is no such method.

    Parameters
    ----------
    trials:
        What `cross_validate` found.
    methods:
        Names in the order of preference; those that were refused are passed over.
    purpose:
        A key of `PURPOSES`.
    tolerance:
        In R@1, 0 to 1.

    Raises
    ------
    InputError
        Another purpose; a score that needs labels where the space has none; a tolerance
        outside [0, 1].
    """
    _check(purpose, tolerance, labelled="v_measure" in trials.scores[OPEN])
    score = PURPOSES[purpose]
    if np.isnan(trials.scores[OPEN][score]).any():
        raise InputError(
            f"{METRICS[score]} cannot be measured on every split: a split needs rows of two "
            "classes or more; give more groups, or labels of fewer classes"
        )
    reasons = [f"{name} cannot be fitted: {why}" for name, why in trials.refused.items()]
    tried = [name for name in methods if name in trials.scores]
    harms = {name: trials.difference(name, "recall").value for name in tried}
    allowed = [name for name in tried if harms[name] >= -tolerance]
    if harmful := [name for name in tried if name not in allowed]:
        listed = ", ".join(f"{name} ({harms[name]:+.3f})" for name in harmful)
        reasons.append(
            f"left out, as they change R@1 across modalities by more than the allowed "
            f"{-tolerance:+.3f}: {listed}"
        )
    if not allowed:
        return Choice(None, (*reasons, "no method is left"))
    heading = METRICS[score]
    best = max(allowed, key=lambda name: trials.mean(name, score).value)
    level = [n for n in allowed if n == best or trials.difference(best, score, n).low <= 0]
    better = [name for name in level if trials.difference(name, score).low > 0]
    method = better[0] if better else best
    facts = f"{heading} {trials.mean(method, score)}, against {trials.mean(OPEN, score)} open"
    if not better:
        why = f"{best} has the highest score, but it is not clearly above that of the open space"
        return Choice(None, (*reasons, f"{why}: {facts}"))
    reasons.append(f"{method}: {facts}; R@1 changes by {harms[method]:+.3f}")
    if method != best:
        further = trials.difference(best, score, method)
        reasons.append(
            f"{best} scores higher by {further.value:.3f} [{further.low:.3f}, {further.high:.3f}], "
            f"which is not clear; {method} is simpler"
        )
    return Choice(method, tuple(reasons))


def check_purpose(embeddings: Embeddings, purpose: str, tolerance: float) -> None:
    """The errors of `choose`, before anything is tried."""
    _check(purpose, tolerance, labelled=embeddings.labels is not None)


def _check(purpose: str, tolerance: float, *, labelled: bool) -> None:
    if purpose not in PURPOSES:
        raise InputError(f"no purpose '{purpose}'; there are: {', '.join(PURPOSES)}")
    if not 0 <= tolerance <= 1:
        raise InputError(f"the tolerance is a difference in R@1, 0 to 1; found {tolerance}")
    if purpose != "search" and not labelled:
        raise InputError(f"closing for {purpose} is judged by labels: give --labels")
