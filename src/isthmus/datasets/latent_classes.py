"""Controlled data: classes that overlap in a latent, seen by views that each distort it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from ..arguments import check_count
from ..errors import InputError
from .labelled import Split

TEXT = "text"
"""The view that knows the class alone."""

_LAYOUT, _TRAIN, _TEST = 0, 1, 2  # streams of random numbers


@dataclass(frozen=True)
class LatentClasses:
    """Views of one latent, row i of each belonging together, with all that is known of them.

    Attributes
    ----------
    views:
        Name → (N, dimension) float32.
    labels:
        (N,) int64, the class of each row.
    latent:
        (N, latent) float32, what all views but "text" see.
    means:
        (classes, latent) float32, the mean latent of each class.
    """

    views: Mapping[str, NDArray[np.float32]]
    labels: NDArray[np.int64]
    latent: NDArray[np.float32]
    means: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)


def latent_classes(
    split: Split,
    *,
    classes: int = 10,
    views: int = 3,
    rows: int = 2000,
    dimension: int = 32,
    latent: int = 8,
    spread: float = 0.9,
    noise: float = 0.1,
    text: bool = False,
    seed: int = 0,
) -> LatentClasses:
    r"""Draw rows of Gaussian classes, and views that are fixed nonlinear maps of them.

    A row of class c has the latent h = μ_c + ε with μ_c ~ spread · N(0, I) and ε ~ N(0, I).
    View m sees x_m = tanh(A_m h / √(latent · (1 + spread²))) + noise · N(0, I), with a matrix
    A_m ~ 2 · N(0, 1) of its own. Classes are equally frequent up to one row. What a row shares
    across views, beyond its class, is ε: there is something to retrieve and something to
    cluster, and how well the latter can be done at all is known from the latent.

    Parameters
    ----------
    split:
        "train" or "test": other rows of the same classes, seen through the same maps.
    classes, views, rows, dimension, latent:
        How many classes, views ("view0", "view1", …) and rows there are; columns of a view and
        of the latent.
    spread:
        Standard deviation of class means, in units of that within a class. At the default,
        k-means on the latent reaches a V-measure of 0.4 to 0.6, by seed; at 3 about 1.
    noise:
        Standard deviation of the noise of a view's columns, which lie in (−1, 1) without it.
    text:
        Name the last view "text" and let it see μ_c in the place of h, without noise: one point
        for each class, as the word for it would be.

    Raises
    ------
    InputError
        A number out of range; fewer rows than classes.

    Examples
    --------
    >>> data = latent_classes("test", rows=50, views=2, text=True)
    >>> {name: view.shape for name, view in data.views.items()}
    {'view0': (50, 32), 'text': (50, 32)}
    >>> len(np.unique(data.views["text"], axis=0))
    10
    """
    if split not in ("train", "test"):
        raise InputError(f"split must be 'train' or 'test'; found {split!r}")
    counts = {"classes": classes, "views": views, "dimension": dimension, "latent": latent}
    for name, value in counts.items():
        check_count(name, value, low=1)
    check_count("rows", rows, low=classes)
    check_count("seed", seed, low=0)
    for name, size in (("spread", spread), ("noise", noise)):
        if not isinstance(size, Real) or isinstance(size, bool) or not 0 <= size < np.inf:
            raise InputError(f"{name} must be a finite number of at least 0; found {size!r}")
    layout = np.random.default_rng([seed, _LAYOUT])
    means = spread * layout.normal(size=(classes, latent))
    maps = 2 * layout.normal(size=(views, latent, dimension))
    draw = np.random.default_rng([seed, _TEST if split == "test" else _TRAIN])
    labels = draw.permutation(np.arange(rows) % classes)
    hidden = means[labels] + draw.normal(size=(rows, latent))
    scale = np.sqrt(latent * (1 + spread**2))
    seen: dict[str, NDArray[np.float32]] = {}
    for m, weights in enumerate(maps):
        word = text and m == views - 1
        clean = np.tanh((means[labels] if word else hidden) @ weights / scale)
        view = clean if word else clean + noise * draw.normal(size=clean.shape)
        seen[TEXT if word else f"view{m}"] = view.astype(np.float32)
    return LatentClasses(
        seen, labels.astype(np.int64), hidden.astype(np.float32), means.astype(np.float32)
    )
