"""Cross-validation of closers over groups: fitted on some, judged by others."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from math import sqrt
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from ...embeddings import Embeddings
from ...errors import InputError
from ...metrics.uncertainty import Interval
from ...progress import steps
from ...resampling import group_count, redraw
from ..affine_closer import AffineCloser
from ..base import Closer
from ..drift import DriftWarning
from ..statistics import Needs, Statistics
from .scores import held_out_scores

OPEN = "open"
"""The name of the vectors as they are."""

GROUPS = 5000
"""Groups that are drawn, at most; the closer that is chosen is fitted on all."""

LEAST = 10
"""Groups that every fold needs."""

_SHARED = (Needs.MEANS, Needs.COVARIANCES, Needs.PAIRS)  # each includes those before it


@dataclass(frozen=True)
class Trials:
    """Held-out scores of several closers, and of the open space, on the same splits.

    Attributes
    ----------
    scores:
        Method → score → its value on each split, (S,).
    refused:
        Method → why it could not be fitted, or left no direction of some row.
    groups:
        Groups in all.
    folds, repeats:
        S is their product. Each split fits on all folds but one.
    """

    scores: Mapping[str, Mapping[str, NDArray[np.float64]]]
    refused: Mapping[str, str]
    groups: int
    folds: int
    repeats: int

    def mean(self, method: str, score: str) -> Interval:
        """A score's mean over splits with its 95 % interval."""
        return self._interval(self.scores[method][score])

    def difference(self, method: str, score: str, other: str = OPEN) -> Interval:
        """A score's difference to another method's, split by split, with its 95 % interval."""
        return self._interval(self.scores[method][score] - self.scores[other][score])

    def _interval(self, values: NDArray[np.float64]) -> Interval:
        """Mean ± t √((1/S + n_test/n_train) s²), as splits share rows (Nadeau and Bengio 2003)."""
        from scipy.stats import t

        n, mean = len(values), float(values.mean())
        deviation = float(values.std(ddof=1)) * sqrt(1 / n + 1 / (self.folds - 1))
        half = float(t.ppf(0.975, n - 1)) * deviation
        return Interval(mean, mean - half, mean + half, 0.95, n)


def cross_validate(
    embeddings: Embeddings,
    closers: Mapping[str, Callable[[], Closer]],
    *,
    folds: int = 5,
    repeats: int = 2,
    groups: int = GROUPS,
    seed: int = 0,
) -> Trials:
    """Fit each closer on all folds of the groups but one, and judge it by that one; all in turn.

    Whole groups are drawn, so that no row is judged whose match was fitted on. What closers
    learn from sums is summed once for each fold. Every method sees the same splits.

    Parameters
    ----------
    embeddings:
        The space, with labels for the scores that need them.
    closers:
        Name → function that makes an unfitted closer. `OPEN` is always judged, too.
    folds:
        2 fits on half of the groups, 5 on four fifths; fewer where there are few groups.
    repeats:
        How often the groups are divided anew.
    groups:
        Groups that are drawn of a larger set.

    Raises
    ------
    InputError
        Fewer than 20 groups that have rows of every modality; folds or repeats out of range.

    Examples
    --------
    >>> from isthmus.closers import Centering
    >>> rng = np.random.default_rng(0)
    >>> image = rng.normal(size=(60, 8))
    >>> space = Embeddings({"image": image + 3, "text": image - 3})
    >>> found = cross_validate(space, {"centering": Centering})
    >>> found.mean("open", "gap").low > found.mean("centering", "gap").high
    True
    """
    if folds < 2 or repeats < 1 or folds * repeats < 2:
        raise InputError(f"need folds >= 2 and repeats >= 1; found {folds} and {repeats}")
    chosen = _groups_of_all(embeddings)
    if len(chosen) < 2 * LEAST:
        raise InputError(
            f"cross-validation needs at least {2 * LEAST} groups with rows of every modality; "
            f"found {len(chosen)}: name the method, and judge it by other data"
        )
    folds = min(folds, len(chosen) // LEAST)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(chosen)[:groups])
    trials = _Running(dict(closers))
    with steps({f"split {n + 1}": 1.0 for n in range(folds * repeats)}) as step:
        for repeat in range(repeats):
            parts = [np.sort(part) for part in np.array_split(rng.permutation(chosen), folds)]
            sums = trials.sums([redraw(embeddings, part) for part in parts])
            for k, part in enumerate(parts):
                with step(f"split {repeat * folds + k + 1}"):
                    rest = np.sort(np.concatenate([p for j, p in enumerate(parts) if j != k]))
                    total = reduce(Statistics.merge, [s for j, s in enumerate(sums) if j != k])
                    fitted_on = redraw(embeddings, rest)
                    trials.judge(fitted_on, total, redraw(embeddings, part), seed + repeat)
    scores = {
        method: {name: np.array([one[name] for one in found]) for name in found[0]}
        for method, found in trials.found.items()
    }
    return Trials(scores, trials.refused, len(chosen), folds, repeats)


class _Running:
    """Scores so far; a method that is refused once is left out from then on."""

    def __init__(self, closers: dict[str, Callable[[], Closer]]) -> None:
        self.closers = closers
        self.found: dict[str, list[dict[str, float]]] = {name: [] for name in (OPEN, *closers)}
        self.refused: dict[str, str] = {}

    def sums(self, folds: list[Embeddings]) -> list[Statistics]:
        """What closers learn from, of each fold; as much as any of them needs."""
        made = [make() for make in self.closers.values()]
        needs = [closer.needs for closer in made if _learns_from_sums(closer)]
        most = max(needs, key=_SHARED.index, default=Needs.MEANS)
        return [Statistics.of(fold, most) for fold in folds]

    def judge(self, rows: Embeddings, sums: Statistics, held_out: Embeddings, seed: int) -> None:
        """Fit every method on the same rows, and score it on others."""
        self.found[OPEN].append(held_out_scores(held_out, seed=seed))
        for name, make in self.closers.items():
            if name in self.refused:
                continue
            try:
                closer = _fit(make(), rows, sums)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DriftWarning)
                    closed = closer.close(held_out)
            except InputError as error:
                self.refused[name] = str(error)
                del self.found[name]
                continue
            self.found[name].append(held_out_scores(closed, seed=seed))


def _learns_from_sums(closer: Closer) -> TypeGuard[AffineCloser]:
    """Whether the sums that all methods share are enough for it."""
    if not isinstance(closer, AffineCloser) or type(closer).fit is not AffineCloser.fit:
        return False
    return closer.needs in _SHARED


def _fit(closer: Closer, rows: Embeddings, sums: Statistics) -> Closer:
    return closer.learn(sums) if _learns_from_sums(closer) else closer.fit(rows)


def _groups_of_all(embeddings: Embeddings) -> NDArray[np.int64]:
    """Codes of the groups that have rows of every modality."""
    count = np.zeros(group_count(embeddings), np.int64)
    for codes in embeddings.codes.values():
        count[np.unique(codes)] += 1
    return np.flatnonzero(count == len(embeddings.names))
