"""What is looked at during training: a handful of numbers of held-out embeddings."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from ..arrays import take_rows
from ..embeddings import Embeddings
from ..errors import InputError
from ..metrics.budget import draw_rows
from ..metrics.clustering import joint_clustering
from ..metrics.entropy import softmax_entropy
from ..metrics.full_pass import state_and_seconds
from ..metrics.neighbours import knn_estimate
from ..metrics.ranking import QueryScores
from ..metrics.spectrum import effective_rank_from
from ..metrics.stacked import stacked

SAMPLE = 1000
"""Queries of each direction, and clustered rows of each modality, unless more are asked for."""

VOTES = 5
"""Nearest rows that vote on the class of a row."""

STARTS = 3
"""k-means++ starts of the clusters: fewer than in a report, since only the course matters."""


def held_out_metrics(
    embeddings: Embeddings,
    *,
    temperature: float | None = None,
    sample: int | None = SAMPLE,
    seed: int = 0,
) -> dict[str, float]:
    """The gap and what it costs, as few numbers that are quick enough for a training loop.

    For every pair of modalities that have groups in common: `l2m a–b`, `rmg a–b`,
    `pair_cosine a–b`, and in both directions `recall@1 a→b` and, at a temperature,
    `entropy a→b`, the mean entropy of the softmax over all rows of b, in nats. For every
    modality: `mean_angular_value a` and `effective_rank a`, which tell a collapse. With labels:
    `v_measure` of k-means over all modalities and, for each, `knn a`, the accuracy of a vote of
    the five nearest rows of other groups, where there are that many. The definitions are those of
    `isthmus.metrics`; `isthmus.measure` measures more, and with intervals.

    Parameters
    ----------
    embeddings:
        Held-out rows, of the model as it stands.
    temperature:
        That of the loss, as it stands.
    sample:
        Queries of each direction of retrieval and entropy, and rows of each modality that are
        clustered and classified; None for all. The same ones for a seed. Candidates and voters
        are always all rows, and the other numbers are of all rows.
    seed:
        Of the sample and of k-means. No global random state is read or changed.

    Raises
    ------
    InputError
        A temperature that is not positive.

    Degenerate cases
    ----------------
    Rows that all coincide have no gap of their own: RMG is 0, R@1 is 0 for all ties.

    Examples
    --------
    >>> space = Embeddings({"image": np.eye(4), "text": np.eye(4)}, labels=[0, 0, 1, 1])
    >>> found = held_out_metrics(space, temperature=0.1)
    >>> found["l2m image–text"], found["recall@1 text→image"], round(found["effective_rank text"])
    (0.0, 1.0, 4)
    """
    state, seconds = state_and_seconds(embeddings)
    found: dict[str, float] = {}
    for a, b in state.pairs:
        found[f"l2m {a}–{b}"] = state.l2m(a, b)
        found[f"rmg {a}–{b}"] = state.rmg(a, b)
        found[f"pair_cosine {a}–{b}"] = state.pairs[a, b].mean_cosine
        for x, y in ((a, b), (b, a)):
            found[f"recall@1 {x}→{y}"] = _recall(embeddings, x, y, sample, seed)
            if temperature is not None:
                queries = embeddings[x]
                rows = draw_rows(queries.shape[0], sample, seed)
                if len(rows) < queries.shape[0]:
                    queries = take_rows(queries, rows)
                entropies = softmax_entropy(queries, embeddings[y], temperature=temperature)
                found[f"entropy {x}→{y}"] = float(entropies.mean())
    for name, moments in seconds.items():
        found[f"mean_angular_value {name}"] = state.moments[name].mean_cosine
        found[f"effective_rank {name}"] = effective_rank_from(moments)
    if embeddings.labels is not None:
        found["v_measure"] = _v_measure(embeddings, sample, seed)
        for name, codes in embeddings.codes.items():
            with suppress(InputError):  # too few rows to vote
                found[f"knn {name}"] = knn_estimate(
                    embeddings[name],
                    embeddings.labels[name],
                    codes,
                    k=VOTES,
                    sample=sample,
                    seed=seed,
                ).value
    return found


def _recall(embeddings: Embeddings, x: str, y: str, sample: int | None, seed: int) -> float:
    codes = embeddings.codes[x], embeddings.codes[y]
    scores = QueryScores.of(embeddings[x], embeddings[y], codes, max_queries=sample, seed=seed)
    return float(scores.hits(1).mean())


def _v_measure(embeddings: Embeddings, sample: int | None, seed: int) -> float:
    from threadpoolctl import threadpool_limits

    assert embeddings.labels is not None
    drawn = {n: draw_rows(len(own), sample, seed) for n, own in embeddings.labels.items()}
    rows = stacked(take_rows(embeddings[name], chosen) for name, chosen in drawn.items())
    labels = np.concatenate([embeddings.labels[name][chosen] for name, chosen in drawn.items()])
    with threadpool_limits(1):  # beside training, threads of so small a task wait for each other
        return joint_clustering(rows, labels, n_init=STARTS, seed=seed).v_measure
