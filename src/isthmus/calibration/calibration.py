"""Score calibration: which cosine is a match?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, row_chunks
from .background import Level
from .cut_off import PASSING, CutOff, Target, find_cut_off
from .file import write_calibration
from .fitted import Fitted
from .log_odds import probability
from .reliability import Reliability, held_out_reliability
from .sample import PairType, as_array, given_units
from .scores import COSINE, MUTUAL, QUERY, combine


@dataclass(frozen=True, eq=False)
class ScoreCalibration(Fitted):
    r"""From a score of two rows to the probability that they match, for every type of pair.

    True pairs score differently for every pair of modalities, and a softmax over candidates
    cannot say that none of them matches. For every type (image – text; text – text, where a
    group has several texts; …) this knows how matches and other pairs score:

    P(match | s) = σ(ℓ(s) + log π / (1 − π)),

    with ℓ the log-likelihood ratio of score s, a nondecreasing function, and π the prior: the
    share of matches among the candidates. One match among N candidates is π = 1/N. The same
    cosine means less among a million candidates than among a hundred, so state π where you
    know it; unstated, it is the share of matches among all pairs of the calibration set.

    Three scores are calibrated. `cosine`. `query`: the z-score of a cosine against the query's
    highest cosines with random candidates, which comes to a cosine to cut at for each query.
    `mutual`: the mean of that and of the candidate's z-score against random queries, which
    levels hubs, too. `Background` has the formula.

    Examples
    --------
    >>> from isthmus import Embeddings
    >>> rng = np.random.default_rng(0)
    >>> image = rng.normal(size=(200, 16))
    >>> space = Embeddings({"image": image, "text": image + rng.normal(size=(200, 16))})
    >>> calibration = ScoreCalibration.fit(space)
    >>> cut = calibration.cut_off("text", "image", recall=0.9)
    >>> 0.3 < cut.threshold < 0.7, cut.recall.low < 0.9 < cut.recall.high
    (True, True)
    """

    def scores(
        self,
        queries: Array,
        candidates: Array,
        *,
        query_modality: str,
        candidate_modality: str,
        score: str = COSINE,
    ) -> NDArray[np.floating]:
        """The score of every query (n, D) with every candidate (m, D), (n, m)."""
        kind = query_modality, candidate_modality
        self.of(*kind, score)
        x = given_units(queries, query_modality, self.dimension)
        y = given_units(candidates, candidate_modality, self.dimension)
        return self._scores(x, y, kind, score, self.background.level(x, kind))

    def probability(
        self,
        queries: Array,
        candidates: Array,
        *,
        query_modality: str,
        candidate_modality: str,
        score: str = COSINE,
        prior: float | None = None,
    ) -> NDArray[np.float64]:
        """P(match) of every query (n, D) with every candidate (m, D), (n, m)."""
        learned = self.of(query_modality, candidate_modality, score)
        used = self.prior_of(learned, prior)
        found = self.scores(
            queries,
            candidates,
            query_modality=query_modality,
            candidate_modality=candidate_modality,
            score=score,
        )
        assert learned.log_odds is not None
        return probability(learned.log_odds(found), used)

    def p_values(
        self,
        queries: Array,
        candidates: Array,
        *,
        query_modality: str,
        candidate_modality: str,
        score: str = COSINE,
    ) -> NDArray[np.float64]:
        """Share of pairs that do not match and score as high or higher, (n, m); never 0."""
        found = self.scores(
            queries,
            candidates,
            query_modality=query_modality,
            candidate_modality=candidate_modality,
            score=score,
        )
        return self.of(query_modality, candidate_modality, score).evidence.p_values(found)

    def cut_off(
        self,
        query_modality: str,
        candidate_modality: str,
        *,
        precision: float | None = None,
        recall: float | None = None,
        false_positives: float | None = None,
        score: str = COSINE,
        prior: float | None = None,
    ) -> CutOff:
        """The threshold for a stated precision, recall or share of other pairs that pass.

        See `find_cut_off`. Its threshold is infinite where none reaches the precision.

        Raises
        ------
        InputError
            None or several stated; a recall of more nines than there are matches to show it; a
            precision or a recall where no matches are known.
        """
        target = Target.of(precision=precision, recall=recall, false_positives=false_positives)
        return self.cut_off_for(
            query_modality, candidate_modality, target, score=score, prior=prior
        )

    def cut_off_for(
        self,
        query_modality: str,
        candidate_modality: str,
        target: Target,
        *,
        score: str = COSINE,
        prior: float | None = None,
    ) -> CutOff:
        """`cut_off` for a target that is a value."""
        learned = self.of(query_modality, candidate_modality, score)
        used = None
        if learned.prior is not None or target.name != PASSING:
            used = self.prior_of(learned, prior)
        kind = query_modality, candidate_modality
        return find_cut_off(learned.evidence, kind, score, target, used)

    def cut_offs(
        self,
        queries: Array,
        *,
        query_modality: str,
        candidate_modality: str,
        precision: float | None = None,
        recall: float | None = None,
        false_positives: float | None = None,
        prior: float | None = None,
    ) -> NDArray[np.float64]:
        """A cosine for each query (n, D), (n,): candidates from it on pass.

        The cut-off on the `query` score, as a cosine: high for a query that is near everything.
        A database that takes a least score takes it, and knows nothing of backgrounds.
        """
        cut = self.cut_off(
            query_modality,
            candidate_modality,
            precision=precision,
            recall=recall,
            false_positives=false_positives,
            score=QUERY,
            prior=prior,
        )
        x = given_units(queries, query_modality, self.dimension)
        level = self.background.level(x, (query_modality, candidate_modality))
        return np.asarray(level.mean + cut.threshold * level.scale)

    def matches(
        self, queries: Array, candidates: Array, cut_off: CutOff
    ) -> list[NDArray[np.int64]]:
        """For each query (n, D), the places of candidates (m, D) that pass, best first.

        An empty array where nothing passes. Candidates are visited in chunks.
        """
        first, second = cut_off.pair_type
        candidates = as_array(candidates)
        x = given_units(queries, first, self.dimension)
        level = self.background.level(x, cut_off.pair_type)
        found: list[list[tuple[NDArray[np.int64], NDArray[np.floating]]]] = [[] for _ in x]
        for rows in row_chunks(candidates):
            y = given_units(candidates[rows, :], second, self.dimension, rows.start)
            scores = self._scores(x, y, cut_off.pair_type, cut_off.score, level)
            for query, own in enumerate(scores):
                places = np.flatnonzero(own >= cut_off.threshold)
                if len(places):
                    found[query].append((rows.start + places, own[places]))
        return [_best_first(parts) for parts in found]

    def reliability(
        self,
        query_modality: str,
        candidate_modality: str,
        *,
        score: str = COSINE,
        prior: float | None = None,
    ) -> Reliability:
        """Probabilities at a prior, of pairs held out, beside what came true."""
        learned = self.of(query_modality, candidate_modality, score)
        used = self.prior_of(learned, prior)
        return held_out_reliability(learned.evidence, learned.held_out, prior=used)

    def save(self, path: Path | str) -> None:
        """Write it as one safetensors file, which `load_calibration` reads."""
        write_calibration(path, self)

    def _scores(
        self,
        x: NDArray[np.floating],
        y: NDArray[np.floating],
        kind: PairType,
        score: str,
        level: Level,
    ) -> NDArray[np.floating]:
        """Scores of unit rows, the queries' level being known."""
        against = self.background.level(y, kind[::-1]) if score == MUTUAL else level
        return combine(score, x @ y.T, level, against)


def _best_first(
    parts: list[tuple[NDArray[np.int64], NDArray[np.floating]]],
) -> NDArray[np.int64]:
    if not parts:
        return np.zeros(0, dtype=np.int64)
    places, scores = (np.concatenate(each) for each in zip(*parts, strict=True))
    return np.asarray(places[np.argsort(-scores, kind="stable")])
