"""Partial information decomposition of a discrete joint distribution, exactly.

What two sources say about a target splits into what both say (redundancy), what one alone says
(unique), and what only the two together say (synergy):
I(X₁, X₂; Y) = R + U₁ + U₂ + S, with I(X₁; Y) = R + U₁ and I(X₂; Y) = R + U₂.
The fourth equation is the definition of Bertschinger et al., *Quantifying Unique Information*
(Entropy, 2014), known as BROJA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import to_numpy
from ..errors import InputError
from ..matching import Codes

GAP = 1e-9
"""The search for the optimum ends when its dual certifies it to within this many nats."""

TOLERANCE = 1e-7
"""Where rounding ends the search earlier, an optimum this close, in nats, is accepted."""

FLOOR = 1e-12
"""Probabilities below this count as zero in the decomposition."""

MAX_STEPS = 100
"""Newton steps of the search; two or three dozen are usual."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Pid:
    """Partial information about a target, in bits, each at least 0."""

    redundancy: float
    unique1: float
    unique2: float
    synergy: float

    @property
    def total(self) -> float:
        """I(X₁, X₂; Y), in bits."""
        return self.redundancy + self.unique1 + self.unique2 + self.synergy


def joint_counts(x1: ArrayLike, x2: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
    """How often each (x₁, x₂, y) occurs, (K₁, K₂, K_y), values in sorted order.

    Each argument is (N,) of one kind, N ≥ 1. Other shapes are an `InputError`.

    >>> joint_counts([0, 0, 1], ["a", "b", "b"], [0, 1, 1]).tolist()
    [[[1, 0], [0, 1]], [[0, 0], [0, 1]]]
    """
    columns = [to_numpy(values) for values in (x1, x2, y)]
    shapes = [column.shape for column in columns]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1 or not shapes[0][0]:
        raise InputError(
            f"x1, x2 and y must be 1-D, of one length, and not empty; found shapes {shapes}"
        )
    found = [np.unique(column, return_inverse=True) for column in columns]
    sizes = tuple(len(values) for values, _ in found)
    cells = np.ravel_multi_index([codes.reshape(-1) for _, codes in found], sizes)
    return np.bincount(cells, minlength=int(np.prod(sizes))).reshape(sizes).astype(np.int64)


def mutual_information(p: ArrayLike) -> float:
    """I(X; Y) = Σ p(x, y) log₂( p(x, y) / p(x)p(y) ), in bits, in [0, min(H(X), H(Y))].

    Parameters
    ----------
    p:
        (K_x, K_y) probabilities or counts; they are scaled to sum to one.

    Raises
    ------
    InputError
        Another shape, a negative or non-finite value, or only zeros.

    Notes
    -----
    Of counts, this is the plug-in estimate: biased upwards, by about
    (K_x − 1)(K_y − 1) / (2 N ln 2) bits.

    Examples
    --------
    >>> mutual_information([[0.5, 0.0], [0.0, 0.5]])
    1.0
    """
    joint = _distribution(p, axes=2)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    held = joint > 0
    return max(0.0, float((joint[held] * np.log2(joint[held] / independent[held])).sum()))


def pid(p: ArrayLike) -> Pid:
    """Redundancy, unique information and synergy of two sources about a target.

    With Q the distributions q(x₁, x₂, y) that share the marginals (x₁, y) and (x₂, y) of p:

    S = I_p(X₁, X₂; Y) − I*, U₁ = I* − I(X₂; Y), U₂ = I* − I(X₁; Y),
    R = I(X₁; Y) + I(X₂; Y) − I*, where I* = min over Q of I_q(X₁, X₂; Y).

    The minimum is that of a convex programme, solved by an interior-point method. Its dual
    certifies the result: to `GAP` nats, or `TOLERANCE` where rounding ends it earlier.

    Parameters
    ----------
    p:
        (K₁, K₂, K_y) probabilities or counts of (x₁, x₂, y); they are scaled to sum to one.

    Raises
    ------
    InputError
        Another shape, a negative or non-finite value, or only zeros.

    Notes
    -----
    With one value of y, all four are 0. Time is O((K_y (K₁ + K₂))³), memory
    O(K₁K₂K_y + (K_y (K₁ + K₂))²): meant for up to some dozens of values each. Of counts this is
    a plug-in estimate, biased upwards like `mutual_information`.

    Examples
    --------
    >>> xor = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]]])
    >>> round(pid(xor).synergy, 6)
    1.0
    """
    joint = _distribution(p, axes=3)
    joint = _distribution(np.where(joint < FLOOR, 0.0, joint), axes=3)
    first, second = joint.sum(axis=1), joint.sum(axis=0)  # (K₁, K_y), (K₂, K_y)
    both = mutual_information(joint.reshape(-1, joint.shape[2]))
    one, two = mutual_information(first), mutual_information(second)
    target = joint.sum(axis=(0, 1))
    held = target[target > 0]
    bounds = max(one, two), min(both, one + two)  # of I*, by the chain rule
    least = (_least_information(first, second) - float(held @ np.log(held))) / np.log(2)
    least = float(np.clip(least, *bounds))
    return Pid(
        redundancy=one + two - least,
        unique1=least - two,
        unique2=least - one,
        synergy=both - least,
    )


def _distribution(p: ArrayLike, *, axes: int) -> Values:
    values = to_numpy(p).astype(np.float64)
    if values.ndim != axes or not values.size:
        raise InputError(
            f"a joint distribution of {axes} variables must be {axes}-D; found shape {values.shape}"
        )
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise InputError(
            "probabilities or counts must be finite, at least 0, and not all 0; "
            f"found values from {values.min()} to {values.max()}"
        )
    return np.asarray(values / values.sum())


def _least_information(first: Values, second: Values) -> float:
    """min Σ q log( q / q(x₁, x₂) ), in nats, over the q with marginals (x₁, y) and (x₂, y).

    It is −max H_q(Y | X₁, X₂). With the constraints A q = b, primal-dual Newton steps follow
    ∇F + Aᵀλ − z = 0, q z = μ w as μ goes to 0, from the strictly feasible w =
    p(x₁ | y) p(x₂ | y) p(y). Per (x₁, x₂) the Hessian is diag(1/q) − 11ᵀ/q(x₁, x₂), which
    Sherman and Morrison invert, so that each step solves for λ alone.
    """
    from scipy import sparse

    x1, x2, y = np.nonzero((first[:, None, :] > 0) & (second[None, :, :] > 0))  # (n,)
    _, cell = np.unique(x1 * len(second) + x2, return_inverse=True)
    A, b = _constraints(first, second, (x1, x2, y))  # (m, n), (m,)
    cells = sparse.csr_array((np.ones(len(x1)), (cell, np.arange(len(x1)))))  # (c, n)
    w = first[x1, y] * second[x2, y] / first.sum(axis=0)[y]
    q, z, dual = w.copy(), np.ones_like(w), np.zeros(len(b))
    best, best_error = 0.0, np.inf
    for _ in range(MAX_STEPS):
        gradient = np.log(q / (cells @ q)[cell])
        value, slope = float(q @ gradient), A.T @ dual
        # F is homogeneous: −bᵀλ bounds it below if Σ_y exp(−Aᵀλ) <= 1 in every (x₁, x₂).
        # Adding the largest log of those sums to λ's constraints on x₁ makes it so.
        high = float(-slope.min())
        excess = float(np.log((cells @ np.exp(-slope - high)).max())) + high
        missed = A @ q - b  # (m,), no more than rounding
        error = abs(value + float(b @ dual) + excess) + float(abs(missed) @ abs(dual))
        if error < best_error:
            best, best_error = value, error
        if error < GAP:
            break
        target = 0.1 * float(q @ z) * w
        scale = q / (1 + z)
        slack = cells @ (q * z / (1 + z))  # q(x₁, x₂) − Σ_y scale, without cancellation

        def solve(v: Values, d: Values = scale, s: Values = slack) -> Values:
            return np.asarray(d * v + d * ((cells @ (d * v)) / s)[cell])

        residual = target / q - gradient - slope
        scaled = A * scale
        mixed = scaled @ cells.T
        schur = (scaled @ A.T + (mixed / slack) @ mixed.T).toarray()  # (m, m)
        unit = 1 / np.sqrt(schur.diagonal())
        right = unit * (A @ solve(residual) + missed)
        system = schur * unit[:, None] * unit
        try:
            step = unit * np.linalg.solve(system, right)
        except np.linalg.LinAlgError:
            step = unit * np.linalg.lstsq(system, right)[0]
        q_step = solve(residual - A.T @ step)
        z_step = (target - z * q_step) / q - z
        length = min(_to_boundary(q, q_step), _to_boundary(z, z_step))
        q, z, dual = q + length * q_step, z + length * z_step, dual + length * step
    if best_error > TOLERANCE:
        raise ArithmeticError(f"no optimum within {TOLERANCE} nats; found {best_error}")
    return best


def _constraints(
    first: Values, second: Values, support: tuple[Codes, Codes, Codes]
) -> tuple[Any, Values]:
    """A and b of A q = b: one row per positive marginal, less one per y that others imply."""
    from scipy import sparse

    x1, x2, y = support
    free = second > 0
    free[second.argmax(axis=0), np.arange(second.shape[1])] = False
    one, two = np.full(first.shape, -1), np.full(second.shape, -1)
    one[first > 0] = np.arange((first > 0).sum())
    two[free] = (first > 0).sum() + np.arange(free.sum())
    held = np.flatnonzero(two[x2, y] >= 0)
    rows = np.concatenate([one[x1, y], two[x2, y][held]])
    columns = np.concatenate([np.arange(len(x1)), held])
    b = np.concatenate([first[first > 0], second[free]])
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), (len(b), len(x1))), b


def _to_boundary(values: Values, step: Values) -> float:
    """The length of a step, at most 1, that goes 0.9 of the way to the first zero."""
    down = step < 0
    return min(1.0, 0.9 * float((values[down] / -step[down]).min())) if down.any() else 1.0
