"""Joint clustering: do groups of meaning, rather than modalities, form the clusters?"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Array, to_numpy, unit_rows
from ..errors import InputError


@dataclass(frozen=True)
class Clustering:
    """Agreement of k-means clusters with labels, and how the clusters were found.

    `v_measure`, `homogeneity` and `completeness` are in [0, 1]. `inertia` is k-means' own
    objective, the summed squared distance to the nearest centre: two V-measures are
    comparable only if it was minimised equally well.
    """

    v_measure: float
    homogeneity: float
    completeness: float
    inertia: float
    n_clusters: int
    n_init: int
    seed: int
    algorithm: str = "Lloyd, k-means++ seeding (scikit-learn)"


def joint_clustering(
    x: Array,
    labels: ArrayLike,
    *,
    n_clusters: int | None = None,
    n_init: int = 10,
    seed: int = 0,
) -> Clustering:
    """k-means on the unit rows of all modalities stacked, scored against labels.

    V-measure is the harmonic mean of homogeneity 1 − H(C|K)/H(C) (each cluster holds one
    class) and completeness 1 − H(K|C)/H(K) (each class falls in one cluster), after
    Rosenberg and Hirschberg (2007).

    Parameters
    ----------
    x:
        (N, D): the rows of all modalities, stacked.
    labels:
        (N,) class of each row.
    n_clusters:
        k; the number of classes if not given.
    n_init:
        k-means++ starts, of which the best objective is kept.

    Notes
    -----
    With one class, homogeneity is 1 by convention, and k = 1 gives a V-measure of 1.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> joint_clustering(x, ["a", "a", "b", "b"]).v_measure
    1.0
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import homogeneity_completeness_v_measure

    classes = np.asarray(labels)
    if classes.shape != (x.shape[0],):
        raise InputError(
            f"labels must be one per row, shape ({x.shape[0]},); found shape {classes.shape}"
        )
    k = len(np.unique(classes)) if n_clusters is None else n_clusters
    if not 1 <= k <= x.shape[0]:
        raise InputError(f"n_clusters must be between 1 and {x.shape[0]} rows; found {k}")
    rows = to_numpy(unit_rows(x))
    with warnings.catch_warnings():
        # Fewer distinct rows than clusters is a finding, not a fault: fewer clusters form.
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans = KMeans(k, init="k-means++", n_init=n_init, random_state=seed).fit(rows)
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(
        classes, kmeans.labels_
    )
    return Clustering(
        v_measure=float(v_measure),
        homogeneity=float(homogeneity),
        completeness=float(completeness),
        inertia=float(kmeans.inertia_),
        n_clusters=k,
        n_init=n_init,
        seed=seed,
    )
