"""Alignment of matched pairs, and how evenly rows spread over the sphere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from ..arrays import Array, check_widths, take_rows, to_numpy
from ..errors import InputError
from ..matching import Codes, given_or_positional
from ..progress import ticker
from .estimate import Estimate
from .gap import Groups, encode_groups
from .group_sums import group_sums
from .pair_moments import PairMoments
from .second_moments import SecondMoments
from .stacked import Stacked

TILE_BYTES = 16 * 2**20
"""The tile of potentials that is held at a time takes about this much memory."""

LARGEST_T = 20.0
"""Potentials of opposite rows, exp(−4 t), must not underflow in single precision."""


def alignment(x: Array, y: Array, *, groups: Groups | None = None) -> float:
    """Mean squared distance of matched pairs of unit rows, in [0, 4]; 0 means they coincide.

    (1/|P|) Σ_{(i,j) ∈ P} ‖x̂_i − ŷ_j‖² = 2 − 2 · pair cosine, after Wang and Isola (ICML 2020).

    >>> alignment(np.eye(2), np.eye(2)[::-1])
    2.0
    """
    return PairMoments.of(x, y, encode_groups(x, y, groups)).mean_squared_distance


def gaussian_uniformity(
    x: Array, *, t: float = 2.0, sample: int | None = None, seed: int = 0
) -> Estimate:
    """Log of the mean Gaussian potential over all pairs of distinct rows, in [−4t, 0].

    log( (1/(N(N−1))) Σ_{i≠j} exp(−t ‖x̂_i − x̂_j‖²) ): 0 where all rows coincide; the lower, the
    more evenly rows spread. About −2t for many rows spread evenly in many dimensions.

    Parameters
    ----------
    x:
        (N, D), at least two rows.
    t:
        Sharpness of the potential, in (0, 20].
    sample:
        Rows to draw, without replacement; all of them, and exact, if not given or if there
        are no more. The mean over pairs of drawn rows estimates that over all without bias.
    seed:
        Draws the rows.

    Returns
    -------
    Estimate
        The standard error is the jackknife's over drawn rows, times √(1 − rows/N).

    Notes
    -----
    Every pair is visited once, in square tiles of bounded memory: O(N²·D) time. Measure
    modalities apart (as Wang and Isola do), stacked, or by `pair_centroids`.

    Raises
    ------
    InputError
        Fewer than two rows, t out of range, or a sample of fewer than three rows.

    References
    ----------
    Wang and Isola, *Understanding Contrastive Representation Learning through Alignment and
    Uniformity on the Hypersphere* (ICML 2020).

    Examples
    --------
    >>> gaussian_uniformity(np.eye(3))
    Estimate(value=-4.0, error=0.0, rows=3)
    """
    n = int(x.shape[0])
    if n < 2:
        raise InputError(f"a mean over pairs of rows needs at least two rows; found {n}")
    if not 0 < t <= LARGEST_T:
        raise InputError(f"t must be above 0 and at most {LARGEST_T:g}; found {t}")
    if sample is not None and sample < 3:
        raise InputError(f"an estimate with an error needs at least 3 rows; found {sample}")
    if sample is None or sample >= n:
        return Estimate(math.log(_potentials(x, t).sum() / (n * (n - 1))), 0.0, n)
    drawn = np.sort(np.random.default_rng(seed).choice(n, sample, replace=False))
    own = _potentials(take_rows(x, drawn), t)  # (sample,)
    total, m = own.sum(), sample
    without = np.log((total - 2 * own) / ((m - 1) * (m - 2)))  # each row left out in turn
    spread = (m - 1) / m * float(((without - without.mean()) ** 2).sum())
    return Estimate(math.log(total / (m * (m - 1))), math.sqrt(spread * (1 - m / n)), m)


def pair_centroids(x: Array, y: Array, *, groups: Groups | None = None) -> Array:
    """Unit centroids of matched rows, (G, D), in ascending order of group ids.

    μ_g ∝ the mean over x and y of the mean of each one's unit rows in group g, for every
    group that has rows of both. `gaussian_uniformity` of them is what the centroid
    uniformity loss of Grassucci et al. (ICLR 2026) lowers.

    Raises
    ------
    InputError
        Groups that do not fit or have nothing in common; a centroid of opposite rows, which
        has no direction.

    Examples
    --------
    >>> pair_centroids(np.eye(2), np.eye(2)[[1, 1]])
    array([[0.707..., 0.707...], [0. , 1. ]])
    """
    check_widths(x, y)
    codes = given_or_positional(encode_groups(x, y, groups), x.shape[0], y.shape[0])
    common = np.intersect1d(*codes)
    if not len(common):
        raise InputError("no row of the one modality matches a row of the other")
    xp = array_namespace(x)
    dtype = Stacked((x, y)).dtype
    means = []
    for array, own in zip((x, y), codes, strict=True):
        kept = np.flatnonzero(np.isin(own, common))
        means.append(_group_means(array, kept, np.searchsorted(common, own[kept]), dtype))
    centroids = means[0] + means[1]  # (G, D)
    lengths = xp.sqrt(xp.sum(centroids**2, axis=1))
    if bad := int(xp.count_nonzero(lengths <= 8 * xp.finfo(dtype).eps)):
        raise InputError(
            f"the rows of {bad} matched groups cancel, so that their centroid has no direction; "
            "leave those groups out"
        )
    return centroids / lengths[:, None]


def wasserstein_uniformity(x: Array) -> float:
    """Minus the Wasserstein-2 distance of rows, as a Gaussian, to an even spread: [−√2, 0].

    −W₂(N(μ, Σ), N(0, I/D)) = −√( ‖μ‖² + 1 + tr Σ − (2/√D) tr Σ^{1/2} ), with μ and Σ the mean
    and the biased covariance of the unit rows. 0: as spread as the whole sphere. −√2: all
    rows coincide.

    Parameters
    ----------
    x:
        (N, D): one modality, or several stacked (merge their `SecondMoments`).

    Notes
    -----
    One pass, O(N·D² + D³). Published code adds 1e-8 to every eigenvalue of Σ, which moves
    collapsed spaces off −√2; here nothing is added.

    References
    ----------
    Fang et al., *Rethinking the Uniformity Metric in Self-Supervised Learning* (ICLR 2024);
    the uniformity of Grassucci et al. (ICLR 2026).

    Examples
    --------
    >>> wasserstein_uniformity(np.ones((4, 2)))
    -1.414213562373...
    """
    return wasserstein_uniformity_from(SecondMoments.of(x))


def wasserstein_uniformity_from(moments: SecondMoments, *, epsilon: float = 0.0) -> float:
    """`wasserstein_uniformity` from second moments; `epsilon` is added to each eigenvalue."""
    mean, values = moments.mean, moments.eigenvalues() + epsilon
    root = float(np.sqrt(values).sum()) * 2 / math.sqrt(len(mean))
    return -math.sqrt(max(float(mean @ mean) + 1 + moments.variance - root, 0.0))


def _potentials(x: Array, t: float) -> NDArray[np.float64]:
    """Σ_{j≠i} exp(−t ‖x̂_i − x̂_j‖²) for each row i, (N,), by the upper half of the tiles.

    Rows are converted anew for every tile: 1 / side of what multiplying the tile out costs.
    """
    xp = array_namespace(x)
    rows = Stacked.of(x)
    n = rows.shape[0]
    side = max(1, math.isqrt(TILE_BYTES // 8))
    starts = range(0, n, side)
    done = ticker(len(starts) * (len(starts) + 1) / 2)
    sums = np.zeros(n)
    for i in starts:
        first = rows.units(slice(i, min(i + side, n)))
        for j in range(i, n, side):
            second = first if i == j else rows.units(slice(j, min(j + side, n)))
            tile = xp.exp(2 * t * (first @ second.T - 1))  # (≤ side, ≤ side)
            if i == j:
                own = xp.arange(tile.shape[0], device=device(tile))
                tile = xp.where(own[:, None] == own[None, :], 0.0, tile)
            else:
                sums[j : j + side] += to_numpy(xp.sum(tile, axis=0))
            sums[i : i + side] += to_numpy(xp.sum(tile, axis=1))
            done(1)
    return sums


def _group_means(x: Array, kept: Codes, codes: Codes, dtype: Any) -> Array:
    """Mean unit row of each group, (G, D); every one of 0 … G − 1 has rows among `kept`."""
    xp = array_namespace(x)
    counts = np.bincount(codes)
    parts: list[Array] = []
    last = -1
    for present, part in group_sums(x, codes, rows=kept):
        share = xp.asarray(1 / counts[present], dtype=dtype, device=device(part))
        means = xp.astype(part, dtype) * share[:, None]  # (g, D)
        if present[0] == last:  # the rest of a group that the part before had begun
            begun = parts.pop()
            parts.append(begun[:-1, :])
            means = xp.concat([begun[-1:, :] + means[:1, :], means[1:, :]], axis=0)
        parts.append(means)
        last = int(present[-1])
    return xp.concat(parts, axis=0)
