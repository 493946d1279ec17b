"""Information by explicit sums; unique information by a general-purpose optimiser."""

from __future__ import annotations

from itertools import product
from math import log2

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from .gap import Rows


def mutual_information(p: ArrayLike) -> float:
    joint = np.array(p, dtype=np.float64)
    joint /= joint.sum()
    total = 0.0
    for i, j in product(*map(range, joint.shape)):
        if joint[i, j]:
            total += joint[i, j] * log2(joint[i, j] / joint[i].sum() / joint[:, j].sum())
    return total


def least_information(p: ArrayLike) -> float:
    """min I_q(X₁, X₂; Y) over q with p's marginals (x₁, y) and (x₂, y), all p positive."""
    joint = np.array(p, dtype=np.float64)
    joint /= joint.sum()
    first, second, target = joint.sum(axis=1), joint.sum(axis=0), joint.sum(axis=(0, 1))
    middle = first[:, None, :] * second[None, :, :] / target
    moves = []
    for i, j, k in product(range(1, joint.shape[0]), range(1, joint.shape[1]), range(len(target))):
        move = np.zeros_like(joint)
        move[0, 0, k] = move[i, j, k] = 1
        move[0, j, k] = move[i, 0, k] = -1
        moves.append(move)
    basis: Rows = np.array(moves).reshape(len(moves), -1)

    def information(at: Rows) -> float:
        q = np.maximum(middle.ravel() + at @ basis, 1e-15).reshape(joint.shape)
        return mutual_information(q.reshape(-1, len(target)))

    found = minimize(
        information,
        np.zeros(len(basis)),
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda at: middle.ravel() + at @ basis},
        options={"ftol": 1e-13, "maxiter": 500},
    )
    return float(found.fun)
