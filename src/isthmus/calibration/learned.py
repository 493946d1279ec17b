"""Learning: from rows to what is known of every score of every type of pairs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..progress import steps
from .background import Background, draw_places
from .evidence import Evidence
from .log_odds import METHODS, LogOdds, check_prior, fit_log_odds
from .sample import PairType, Sample
from .scores import BlockScores, Key, block_scores

_NONE = np.zeros(0)


@dataclass(frozen=True)
class Learned:
    """What is known of one score of one type of pairs.

    Attributes
    ----------
    evidence:
        The scores that were seen.
    log_odds:
        The map from a score to a log-likelihood ratio; None where no matches are known.
    prior:
        The share of matches for which it was fitted; None likewise.
    method:
        How the map is fitted.
    """

    evidence: Evidence
    log_odds: LogOdds | None
    prior: float | None
    method: str

    @cached_property
    def held_out(self) -> NDArray[np.float64]:
        """(B, K + 1) log-likelihood ratios of cells by maps fitted without each block.

        So no pair that touches a block is judged by a map that saw either of its rows.
        """
        assert self.prior is not None
        maps = [
            fit_log_odds(
                self.evidence.centres,
                *self.evidence.without(block),
                method=self.method,
                prior=self.prior,
            )
            for block in range(self.evidence.blocks)
        ]
        return np.stack([each(self.evidence.centres) for each in maps])


@dataclass(frozen=True)
class Settings:
    """How a calibration is learned; see `ScoreCalibration.fit`."""

    method: str
    prior: float | None
    background: int
    rows: int
    seed: int

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"no method '{self.method}'; there are {', '.join(METHODS)}")
        if self.prior is not None:
            check_prior(self.prior)
        for name, value, least in (("background", self.background, 2), ("rows", self.rows, 20)):
            if value < least:
                raise InputError(f"{name} must be at least {least}; found {value}")


def learn(
    sample: Sample, shares: Mapping[PairType, float], settings: Settings
) -> tuple[Background, dict[Key, Learned]]:
    """The background, and what is known of all scores; matches count where a share is given."""
    places = draw_places(sample, settings.background, settings.seed)
    background = Background.of(sample, places)
    types = list(sample.types)
    learned: dict[Key, Learned] = {}
    with steps({" – ".join(kind): 1.0 for kind in types}) as step:
        for kind in types:
            with step(" – ".join(kind)):
                learned |= _of_type(sample, background, places, kind, shares.get(kind), settings)
    if not learned:
        raise InputError(
            "no two rows are of different groups, so that nothing shows what a pair that does "
            "not match scores; give rows of more groups"
        )
    return background, learned


def _of_type(
    sample: Sample,
    background: Background,
    places: Mapping[str, NDArray[np.int64]],
    kind: PairType,
    share: float | None,
    settings: Settings,
) -> dict[Key, Learned]:
    """All scores of one type of pairs; none where no two rows are of different groups."""
    found: dict[Key, list[BlockScores]] = defaultdict(list)
    for scores in block_scores(sample, background, places, kind):
        for key, part in scores.items():
            found[key].append(part if share is not None else part._replace(matches=_NONE))
    return {
        key: _with_map(Evidence.of(parts, sample.count), share, settings)
        for key, parts in found.items()
        if any(len(part.others) for part in parts)
    }


def _with_map(evidence: Evidence, share: float | None, settings: Settings) -> Learned:
    if share is None:
        return Learned(evidence, None, None, settings.method)
    prior = share if settings.prior is None else settings.prior
    fitted = fit_log_odds(
        evidence.centres,
        evidence.all_matches,
        evidence.all_others,
        method=settings.method,
        prior=prior,
    )
    return Learned(evidence, fitted, prior, settings.method)
