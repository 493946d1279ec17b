"""The sigmoid loss, pair by pair."""

from __future__ import annotations

import numpy as np

from .losses import unit
from .nt_xent import Set


def sig_lip(x: Set, y: Set, temperature: float, bias: float) -> float:
    """Σ_ij v_ij softplus(−z_ij u_ij), with v_ij from the weights of both rows of a pair."""
    u, v = unit(x.rows), unit(y.rows)
    a = x.weights * np.isin(x.codes, y.codes)
    b = y.weights * np.isin(y.codes, x.codes)
    a, b = a / max(a.sum(), 1e-300), b / max(b.sum(), 1e-300)
    total = 0.0
    for i in range(len(u)):
        for j in range(len(v)):
            score = u[i] @ v[j] / temperature + bias
            sign = 1 if x.codes[i] == y.codes[j] else -1
            weight = (a[i] + b[j]) / 2
            total += weight * np.log1p(np.exp(-sign * score))
    return float(total)
