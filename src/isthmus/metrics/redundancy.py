"""Redundancy, uniqueness and synergy of two modalities' embeddings, estimated with probes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, to_numpy, unit_rows
from ..errors import InputError
from ..matching import Codes, encode
from .information import joint_counts, pid
from .probe import COSTS, Split, class_codes, fits, group_split, short_of_convergence, standardised

PARTS = ("redundancy", "unique1", "unique2", "synergy")

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ProbedSource:
    """What a probe reads from one source on the test rows.

    `accuracy` in [0, 1], `information` in bits, and the cost that the validation rows chose.
    """

    accuracy: float
    information: float
    information_error: float
    cost: float


@dataclass(frozen=True)
class InformationEstimate:
    """Estimated redundancy, unique information and synergy about labels, in bits, each >= 0.

    `errors` holds their bootstrap standard errors; `entropy` is H(Y) of test rows.
    """

    redundancy: float
    unique1: float
    unique2: float
    synergy: float
    errors: dict[str, float]
    entropy: float
    first: ProbedSource
    second: ProbedSource
    joint: ProbedSource
    test_rows: int


def estimate_information(
    x: Array,
    y: Array,
    labels: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    costs: Sequence[float] = COSTS,
    hidden: int = 64,
    bootstrap: int = 100,
    seed: int = 0,
) -> InformationEstimate:
    """What two modalities say about labels, each alone and only together: an estimate.

    A probe per source gives class probabilities on test rows that it never saw. With them

    I ≥ H(Y) − cross-entropy, in bits (and at least 0),

    a lower bound of the information in expectation, since no probe beats the true posterior.
    Both modalities alone have a logistic regression; both together the better, on the
    validation rows, of a logistic regression on the concatenated columns and a network with
    one hidden layer on them, as synergy such as XOR is not linear. The validation rows also
    choose the cost and calibrate the probabilities with a temperature. I₁₂ is at least
    max(I₁, I₂), as both together hold each alone. Then

    U₁ = I₁ − R, U₂ = I₂ − R, S = I₁₂ − I₁ − I₂ + R,

    where R is the redundancy (`pid`) of what the two probes say about the labels, their
    posteriors sorted into max(4, classes) kinds by k-means on the validation rows; it is
    kept between max(0, I₁ + I₂ − I₁₂) and min(I₁, I₂), so that no part is negative.

    Parameters
    ----------
    x, y:
        (N, D) and (N, D'), row i of both of the same item.
    labels:
        (N,) class of each item.
    groups:
        (N,) ids, by which rows are split; without them each row is its own group.
    costs, hidden:
        Inverse strengths of the penalty, as in `linear_probe`; width of the hidden layer.
    bootstrap:
        Resamples of the test rows' groups for the standard errors; at least 2.

    Raises
    ------
    InputError
        Rows that do not pair up; labels or groups that do not fit them; fewer than three
        groups; training rows of one class; fewer than two bootstrap resamples.

    Notes
    -----
    These are estimates. I₁, I₂ and I₁₂ are bounds from below up to sampling noise; R, U and S
    are differences of them and may err either way: what probes fail to read counts as absent,
    and what only the joint probe reads as synergy. R comes from counts, which biases it
    upwards in small samples. Standard errors hold the probes fixed. Every resample solves a
    `pid`: meant for up to about twenty classes. Consistency equations and
    source: Bertschinger et al. (2014); Dufumier et al., *CoMM* (2025).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels, x = np.arange(200) % 2, rng.normal(size=(200, 2))
    >>> found = estimate_information(np.eye(2)[labels], x, labels)
    >>> found.unique1 > 0.9, found.redundancy < 0.1
    (True, True)
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[0] != y.shape[0]:
        raise InputError(
            "x and y must be 2-D with row i of both of the same item; "
            f"found shapes {tuple(x.shape)} and {tuple(y.shape)}"
        )
    if bootstrap < 2:
        raise InputError(f"a standard error needs two resamples or more; found {bootstrap}")
    ids = np.arange(x.shape[0]) if groups is None else to_numpy(groups)
    codes = class_codes(x, labels, ids)
    split = group_split(ids, seed=seed)
    sources = [standardised(to_numpy(unit_rows(rows)), split.train) for rows in (x, y)]
    linear = [_linear(rows, codes, split, costs) for rows in sources]
    both = np.concatenate(sources, axis=1)  # (N, D + D')
    joint = min(
        _linear(both, codes, split, costs),
        _network(both, codes, split, hidden=hidden, seed=seed),
        key=lambda found: found.validation_loss,
    )
    probes = [*linear, joint]
    test = codes[split.test]
    logs = np.stack([np.log2(p.test[np.arange(len(test)), test]) for p in probes])  # (3, n)
    kinds = [_kinds(probe, seed) for probe in linear]
    whole = _decompose(logs, kinds, test)

    rng = np.random.default_rng(seed)
    of_group = encode({"rows": ids[split.test]})["rows"]
    members = np.split(np.argsort(of_group), np.cumsum(np.bincount(of_group))[:-1])
    resampled = []
    for _ in range(bootstrap):
        drawn = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[group] for group in drawn])
        resampled.append(_decompose(logs[:, rows], [kind[rows] for kind in kinds], test[rows]))
    errors = np.std(resampled, axis=0, ddof=1)
    first, second, together = (
        ProbedSource(
            accuracy=float((p.test.argmax(axis=1) == test).mean()),
            information=float(whole[4 + k]),
            information_error=float(errors[4 + k]),
            cost=p.cost,
        )
        for k, p in enumerate(probes)
    )
    return InformationEstimate(
        **{name: float(value) for name, value in zip(PARTS, whole, strict=False)},
        errors={name: float(value) for name, value in zip(PARTS, errors, strict=False)},
        entropy=_entropy(test),
        first=first,
        second=second,
        joint=together,
        test_rows=len(test),
    )


@dataclass(frozen=True)
class _Probe:
    """Calibrated probabilities, (n, C), and how well validation rows fared."""

    validation: Values
    test: Values
    validation_loss: float
    cost: float


def _linear(rows: Values, codes: Codes, split: Split, costs: Sequence[float]) -> _Probe:
    found = [_calibrated(m, rows, codes, split, c) for m, c in fits(rows, codes, split, costs)]
    return min(found, key=lambda probe: probe.validation_loss)


def _network(rows: Values, codes: Codes, split: Split, *, hidden: int, seed: int) -> _Probe:
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((hidden,), solver="lbfgs", alpha=0.01, max_iter=500, random_state=seed)
    with short_of_convergence():
        model.fit(rows[split.train], codes[split.train])
    return _calibrated(model, rows, codes, split, 1 / model.alpha)


def _calibrated(model: Any, rows: Values, codes: Codes, split: Split, cost: float) -> _Probe:
    """Probabilities pᵀ / Σ pᵀ, with the T that fits the validation rows best."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    classes = int(codes.max()) + 1
    seen = len(split.train)

    def logs(part: NDArray[np.int64]) -> Values:
        given = np.zeros((len(part), classes))
        given[:, model.classes_] = model.predict_proba(rows[part])
        # A class never seen in training keeps a share, or it would cost infinitely.
        return np.asarray(np.log((seen * given + 1 / classes) / (seen + 1)))

    validation, truth = logs(split.validation), codes[split.validation]

    def loss(log_scale: float) -> float:
        scaled = log_softmax(np.exp(log_scale) * validation, axis=1)
        return -float(scaled[np.arange(len(truth)), truth].mean())

    best = minimize_scalar(loss, bounds=(-4.0, 2.0), method="bounded")
    scale = np.exp(best.x)
    return _Probe(
        validation=np.exp(log_softmax(scale * validation, axis=1)),
        test=np.exp(log_softmax(scale * logs(split.test), axis=1)),
        validation_loss=float(best.fun),
        cost=cost,
    )


def _kinds(probe: _Probe, seed: int) -> Codes:
    """The kind of each test row's posterior, (n,)."""
    from sklearn.cluster import KMeans

    kinds = min(max(4, probe.test.shape[1]), len(probe.validation))
    with short_of_convergence():  # fewer kinds of posteriors may exist
        found = KMeans(kinds, n_init=3, random_state=seed).fit(probe.validation)
    return np.asarray(found.predict(probe.test), dtype=np.int64)


def _decompose(logs: Values, kinds: Sequence[Codes], test: Codes) -> Values:
    """R, U₁, U₂, S, I₁, I₂, I₁₂ in bits, (7,)."""
    one, two, both = np.maximum(_entropy(test) + logs.mean(axis=1), 0.0)
    both = max(one, two, both)
    shared = pid(joint_counts(kinds[0], kinds[1], test)).redundancy
    r = min(max(shared, one + two - both), one, two)
    return np.array([r, one - r, two - r, max(0.0, both - one - two + r), one, two, both])


def _entropy(codes: Codes) -> float:
    counts = np.bincount(codes)
    p = counts[counts > 0] / len(codes)
    return float(-(p * np.log2(p)).sum()) + 0.0
