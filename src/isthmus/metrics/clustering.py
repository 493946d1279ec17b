"""Joint clustering: do groups of meaning, rather than modalities, form the clusters?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Array, to_numpy
from ..errors import InputError
from .k_means import LLOYD, k_means
from .stacked import Stacked


@dataclass(frozen=True)
class Clustering:
    """Agreement of k-means clusters with labels, and how the clusters were found.

    `v_measure`, `homogeneity` and `completeness` are in [0, 1]. `nmi`, mutual information over
    the arithmetic mean of the entropies, is the V-measure by another name; `ari`, the
    adjusted Rand index in [−0.5, 1], is about 0 for clusters that ignore the labels.
    `modality_purity` is in [0, 1], or None where no modalities were given. `inertia` is
    k-means' own objective, the summed squared distance to the nearest centre: two V-measures
    are comparable only if it was minimised equally well.
    """

    v_measure: float
    homogeneity: float
    completeness: float
    nmi: float
    ari: float
    inertia: float
    n_clusters: int
    n_init: int
    seed: int
    algorithm: str = LLOYD
    modality_purity: float | None = None


def joint_clustering(
    x: Array | Stacked,
    labels: ArrayLike,
    *,
    n_clusters: int | None = None,
    n_init: int = 10,
    start_rows: int | None = None,
    seed: int = 0,
    modalities: ArrayLike | None = None,
) -> Clustering:
    """k-means on the unit rows of all modalities stacked, scored against labels.

    V-measure is the harmonic mean of homogeneity 1 − H(C|K)/H(C) (each cluster holds one
    class) and completeness 1 − H(K|C)/H(K) (each class falls in one cluster), after
    Rosenberg and Hirschberg (2007).

    Parameters
    ----------
    x:
        (N, D): the rows of all modalities, stacked, or `stacked` without a copy of them.
    labels:
        (N,) class of each row.
    n_clusters:
        k; the number of classes if not given.
    n_init:
        k-means++ starts, of which the best objective is kept.
    start_rows:
        Rows that the starts are tried on, drawn at random; the best goes on over all rows, which
        `algorithm` says. All rows if not given.
    seed:
        Seed of the starts.
    modalities:
        (N,) modality of each row: then `modality_purity` of the clusters is reported too.

    Raises
    ------
    InputError
        Labels or modalities that do not fit the rows; k out of range; a single modality.

    Notes
    -----
    With one class, homogeneity is 1 by convention, and k = 1 gives a V-measure of 1. Rows that
    take more than 1 GiB in working precision are clustered in mini-batches, and `algorithm`
    says so: the objective is then minimised a little less well.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> joint_clustering(x, ["a", "a", "b", "b"]).v_measure
    1.0
    """
    from sklearn.metrics import (
        adjusted_rand_score,
        homogeneity_completeness_v_measure,
        normalized_mutual_info_score,
    )

    classes = to_numpy(labels)
    if classes.shape != (x.shape[0],):
        raise InputError(
            f"labels must be one per row, shape ({x.shape[0]},); found shape {classes.shape}"
        )
    if modalities is not None:
        _check_modalities(to_numpy(modalities), x.shape[0])
    k = len(np.unique(classes)) if n_clusters is None else n_clusters
    if not 1 <= k <= x.shape[0]:
        raise InputError(f"n_clusters must be between 1 and {x.shape[0]} rows; found {k}")
    clusters = k_means(Stacked.of(x), k, n_init=n_init, start_rows=start_rows, seed=seed)
    found = clusters.labels
    homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(classes, found)
    return Clustering(
        v_measure=float(v_measure),
        homogeneity=float(homogeneity),
        completeness=float(completeness),
        nmi=float(normalized_mutual_info_score(classes, found)),
        ari=float(adjusted_rand_score(classes, found)),
        inertia=clusters.inertia,
        n_clusters=k,
        n_init=n_init,
        seed=seed,
        algorithm=clusters.algorithm,
        modality_purity=None if modalities is None else modality_purity(found, modalities),
    )


def cluster_each(
    arrays: Mapping[str, Array],
    labels: Mapping[str, ArrayLike],
    *,
    n_clusters: int | None = None,
    n_init: int = 10,
    seed: int = 0,
) -> dict[str, Clustering]:
    """`joint_clustering` of each modality by itself, by name.

    Where each modality clusters well alone and all together do not, the gap is to blame.

    Parameters
    ----------
    arrays, labels:
        Name → (N_m, D) rows, and name → (N_m,) class of each row.
    n_clusters:
        k for every modality; the number of its own classes if not given.
    n_init, seed:
        As in `joint_clustering`.

    Raises
    ------
    InputError
        As `joint_clustering`, or labels that lack a modality.

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    >>> cluster_each({"image": x}, {"image": ["a", "a", "b", "b"]})["image"].v_measure
    1.0
    """
    if absent := [name for name in arrays if name not in labels]:
        raise InputError(f"labels are missing for modality '{absent[0]}'")
    return {
        name: joint_clustering(x, labels[name], n_clusters=n_clusters, n_init=n_init, seed=seed)
        for name, x in arrays.items()
    }


def modality_purity(clusters: ArrayLike, modalities: ArrayLike) -> float:
    """How much clusters tell of the modality, in [0, 1]: I(K; M) / H(M).

    0: every cluster mixes the modalities in the proportion of the whole. 1: every cluster
    holds a single modality. It is the homogeneity of clusters with modalities in place of
    classes. A finite number of rows in clusters that ignore the modality scores a little above
    0, more so with many small clusters.

    Parameters
    ----------
    clusters, modalities:
        (N,) cluster and modality of each row.

    Raises
    ------
    InputError
        Shapes that differ; fewer than two modalities, which have no entropy.

    Examples
    --------
    >>> kinds = ["image", "text", "image", "text"]
    >>> modality_purity([0, 1, 0, 1], kinds), modality_purity([0, 0, 1, 1], kinds)
    (1.0, 0.0)
    """
    from sklearn.metrics import homogeneity_score

    found, kinds = to_numpy(clusters), to_numpy(modalities)
    if found.ndim != 1:
        raise InputError(f"clusters must be one per row; found shape {found.shape}")
    _check_modalities(kinds, len(found))
    return float(np.clip(homogeneity_score(kinds, found), 0, 1))


def _check_modalities(kinds: NDArray[Any], rows: int) -> None:
    if kinds.shape != (rows,):
        raise InputError(
            f"modalities must be one per row, shape ({rows},); found shape {kinds.shape}"
        )
    if len(np.unique(kinds)) < 2:
        raise InputError("purity by modality needs at least two modalities; found one")
