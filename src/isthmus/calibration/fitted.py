"""What a calibration has learned, and how it is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ..arrays import Array
from ..embeddings import Embeddings
from ..errors import InputError
from .background import Background
from .learned import Learned, Settings, learn
from .log_odds import check_prior
from .sample import LEAST, PairType, Sample, match_share
from .scores import COSINE, Key, check_score

if TYPE_CHECKING:
    from ..closers import Closer


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a calibration has learned: the part of `ScoreCalibration` that fits and remembers.

    Attributes
    ----------
    settings:
        How it was fitted.
    background:
        Random rows of each modality.
    learned:
        (query, candidate, score) → `Learned`; types that are alike both ways are there once.
    closer:
        Kind of the closer that its rows went through; rows to be scored must go through it too.
    """

    settings: Settings
    background: Background
    learned: Mapping[Key, Learned]
    closer: str | None = None

    @classmethod
    def fit(
        cls,
        embeddings: Embeddings,
        *,
        closer: Closer | None = None,
        method: str = "logistic",
        prior: float | None = None,
        background: int = 256,
        rows: int = 2000,
        seed: int = 0,
    ) -> Self:
        """Learn from matched rows.

        Parameters
        ----------
        closer:
            Closes the rows first.
        method:
            `logistic`: ℓ is a line, for some hundred matches. `isotonic`: any nondecreasing
            function, for thousands. See `fit_log_odds`.
        prior:
            π of all types; unstated, each type's share of matches.
        background:
            Random rows of each modality to keep.
        rows:
            Rows of each modality to look at, at most, in whole groups. O(rows² · D).
        seed:
            Draws both.

        Raises
        ------
        InputError
            Parameters out of range; fewer than 10 groups with a match of any type (a type with
            fewer is fitted as unmatched); what the closer refuses.
        """
        settings = Settings(method, prior, background, rows, seed)
        sample = Sample.of(embeddings, limit=rows, seed=seed, closer=closer)
        matched = {kind: sample.matched_groups(kind) for kind in sample.types}
        shares = {kind: match_share(embeddings, kind) for kind, n in matched.items() if n >= LEAST}
        if not shares:
            raise InputError(
                f"a calibration needs {LEAST} groups with rows that match, better some hundred; "
                f"found {max(matched.values())}: without matches, fit on unmatched rows"
            )
        return cls(
            settings, *learn(sample, shares, settings), None if closer is None else closer.kind
        )

    @classmethod
    def fit_unmatched(
        cls,
        modalities: Mapping[str, Array],
        *,
        closer: Closer | None = None,
        background: int = 256,
        rows: int = 2000,
        seed: int = 0,
    ) -> Self:
        """Learn from rows (N_m, D) of one or more modalities of which no matches are known.

        This gives z-scores, p-values and cut-offs by false positives, but no probabilities. All
        pairs count as pairs that do not match, so draw rows at random from many: one match
        among thousands of pairs does little harm.
        """
        settings = Settings("logistic", None, background, rows, seed)
        sample = Sample.unmatched(modalities, limit=rows, seed=seed, closer=closer)
        return cls(settings, *learn(sample, {}, settings), None if closer is None else closer.kind)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that it was fitted on."""
        return tuple(self.background.rows)

    @property
    def dimension(self) -> int:
        """D, of the rows that it takes."""
        return int(self.background.rows[self.modalities[0]].shape[1])

    @property
    def types(self) -> tuple[PairType, ...]:
        """The types of pairs, each once."""
        return tuple((a, b) for a, b, score in self.learned if score == COSINE)

    def of(self, query_modality: str, candidate_modality: str, score: str = COSINE) -> Learned:
        """What is known of a score of a type of pairs."""
        check_score(score)
        kind = query_modality, candidate_modality
        for first, second in (kind, kind[::-1]):
            if (first, second, score) in self.learned:
                return self.learned[first, second, score]
        for name in kind:
            if name not in self.modalities:
                raise InputError(
                    f"this calibration was not fitted on a modality '{name}'; "
                    f"it knows {', '.join(self.modalities)}"
                )
        raise InputError(f"no pairs of {' and '.join(kind)} could be scored when it was fitted")

    def prior_of(self, learned: Learned, stated: float | None) -> float:
        """The prior to use, stated or fitted; an error where no matches are known."""
        if learned.prior is None:
            raise InputError(
                "no matches of these modalities are known to this calibration: it gives p-values "
                "and cut-offs by false positives alone; fit it on matched rows for more"
            )
        return learned.prior if stated is None else check_prior(stated)
