"""One dimension, one class, one point, many modalities: unit rows or one clear line."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus import Embeddings, InputError
from tests.closers.spaces import gapped
from tests.closers.zoo import ZOO

MOMENTS = {
    name: make
    for name, make in ZOO.items()
    if name.split(",")[0].split(" ")[0]
    in {
        *("centering", "dimensions", "ideal", "interpolation", "realign", "shift"),
        *("standardising", "subspace", "whitening"),
    }
}


def one_point(dtype: type) -> Embeddings:
    return gapped().map(lambda n, x: (x[[3] * 40] if n == "text" else x).astype(dtype))


def opposite() -> Embeddings:
    rows = gapped()["image"]
    return Embeddings({"image": rows, "text": -rows}, labels=np.arange(40) % 2)


SPACES = {
    "one dimension": lambda: Embeddings(
        {"image": [[1.0], [-1.0], [2.0]], "text": [[3.0], [-1.0], [-1.0]]}, labels=[0, 1, 1]
    ),
    "one dimension, one point": lambda: Embeddings(
        {"image": np.ones((3, 1)), "text": -np.ones((3, 1))}, labels=[0, 1, 1]
    ),
    "one class": lambda: Embeddings(gapped().arrays, labels=[4] * 40),
    "a class for each row": lambda: Embeddings(gapped().arrays, labels=np.arange(40)),
    "two rows": lambda: Embeddings(gapped(n=2).arrays, labels=["a", "b"]),
    "text is one point": lambda: one_point(np.float64),
    "text is one point, single precision": lambda: one_point(np.float32),
    "text is one point, half precision": lambda: one_point(np.float16),
    "opposite": opposite,
    "equal": lambda: Embeddings(dict.fromkeys("ab", gapped()["text"]), labels=np.arange(40) % 2),
    "four modalities": lambda: gapped(names="abcd"),
    "axes": lambda: Embeddings({"a": np.eye(6), "b": -np.eye(6)}, labels=np.arange(6) % 2),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("make", MOMENTS.values(), ids=MOMENTS)
def test_unit_rows_or_one_line(make, space):
    found = space()
    try:
        closed = make().fit(found).close(found)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    for x in closed.arrays.values():
        np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-5)
