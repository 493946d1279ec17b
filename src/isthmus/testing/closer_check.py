"""What the checks of a closer share: a small space, and how to tell right from wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import to_numpy
from ..closers import Closer
from ..embeddings import Embeddings
from ..errors import InputError

Make = Callable[[], Closer]
Check = Callable[[Make], None]

N, D = 60, 8

CHECKS: dict[str, Check] = {}
"""Every check, by name: each takes a function that makes an unfitted closer."""


def space(seed: int = 0, n: int = N, width: int = D) -> Embeddings:
    """Images and texts of n things of four classes, with a gap; some have two texts, or none."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    things = rng.normal(size=(4, width))[labels] + rng.normal(size=(n, width))
    turn = np.linalg.qr(rng.normal(size=(width, width)))[0]
    texts = np.concatenate([np.arange(n - 3), np.arange(n // 3)])
    rows = {
        "image": things + 0.3 * rng.normal(size=(n, width)) + 2 * rng.normal(size=width),
        "text": (things @ turn)[texts] + 0.3 * rng.normal(size=(len(texts), width)),
    }
    rows["text"] += 2 * rng.normal(size=width)
    order = rng.permutation(len(texts))
    return Embeddings(
        rows | {"text": rows["text"][order]},
        groups={"image": np.arange(n), "text": texts[order]},
        labels={"image": labels, "text": labels[texts[order]]},
    )


def check(function: Check) -> Check:
    """Register a check under its name."""
    CHECKS[function.__name__.strip("_").replace("_", " ")] = function
    return function


def cosines(closer: Closer, found: Embeddings) -> np.ndarray[Any, Any]:
    """Cosines of all closed rows: what is left of a space when its axes are forgotten."""
    rows = np.concatenate([to_numpy(closer.transform(found[m], modality=m)) for m in found.names])
    return np.asarray(rows @ rows.T)


def equal(found: Any, expected: Any, tolerance: float, what: str) -> None:
    """Fail unless two arrays agree."""
    a, b = to_numpy(found), to_numpy(expected)
    assert a.shape == b.shape, f"{what}: shapes {a.shape} and {b.shape}"
    error = float(np.abs(a - b).max())
    assert error <= tolerance, f"{what}: differs by {error:.2g}"


def refusal(call: Callable[[], object], words: str) -> None:
    """Fail unless the call is refused in one line that has these words."""
    try:
        call()
    except InputError as error:
        message = str(error)
    else:
        raise AssertionError(f"no refusal that says '{words}'")
    assert words in message, f"the refusal '{message}' does not say '{words}'"
    assert "\n" not in message, f"the refusal '{message}' is longer than a line"
