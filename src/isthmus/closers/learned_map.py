"""A learned map: gradient descent on matched rows with the gap-closing objective."""

from __future__ import annotations

from math import inf
from typing import Any, ClassVar, Self

import numpy as np

from ..arguments import check_count, check_number
from ..embeddings import Embeddings
from ..errors import InputError, missing
from ..metrics.moments import Moments
from ..progress import steps as progress_steps
from .affine import AffineMap
from .affine_closer import AffineCloser
from .statistics import Statistics


class LearnedMap(AffineCloser):
    r"""Centre each modality, and map it linearly so that matched rows meet and others part.

    z = unit(A_m (x̂ − μ_m)), with all A_m minimising CloseGap + (s/G) Σ_m ‖A_m − I‖² over G
    matched groups: InfoNCE over all pairs of modalities, alignment of matches to the first
    modality, and uniformity of the groups' centroids (`isthmus.objectives.CloseGap`). It
    starts from `Centering` (A = I), and what holds it back weighs less the more groups there
    are. The constant follows from A, so that means stay at the origin: learned freely, it
    brought little and made descent unstable.

    Descent with Nesterov's momentum over batches of groups, one row of each modality drawn
    from every group, so that no match is ever pushed apart. A fifth of the groups is held out;
    where CloseGap on them stops falling, descent stops, and all groups are learned from anew
    for the number of steps that was best on those held out. If nothing helps them, the result
    is `Centering`.

    Parameters
    ----------
    steps:
        Of descent, at most.
    rate:
        Learning rate, which is multiplied by the variance of rows over the largest one of any
        direction: 1 for rows on a line, D for even ones.
    temperature:
        Of InfoNCE, in [0.01, 1].
    strength:
        s, of the pull towards centering.
    batch:
        Groups of a step, and most that are held out. Memory grows with batch · D.
    seed:
        Of the groups held out, and of the batches. On one machine, equal seeds give equal maps.

    Notes
    -----
    Learns from pairs; groups with rows of one modality alone are left out, and a modality may
    lack in others. Needs torch; computes on the CPU, in double precision for rows in double.
    Not in shards. The inverse is exact where the map is not singular.

    Temperature (0.03 to 0.1) and strength (1 to 10) were chosen on splits of 500 CLIP pairs,
    fitted on 50 and on 250 of them, by mixed search (R@10) with R@1 across modalities within
    0.05. The temperature hardly matters.

    Raises
    ------
    InputError
        Parameters out of range; torch is not installed. In `fit`: fewer than ten groups with
        rows of two modalities.

    References
    ----------
    Grassucci et al., *Closing the Modality Gap Aligns Group-Wise Semantics* (ICLR 2026), whose
    objective trains whole models; a map of finished embeddings is this package's.

    Examples
    --------
    >>> from isthmus import Embeddings
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(60, 4))
    >>> space = Embeddings({"image": x * [1, 1, 1, 3], "text": x * [3, 1, 1, 1]})
    >>> closed = LearnedMap(steps=40, strength=0.1).fit(space).close(space)
    >>> bool((closed["image"] * closed["text"]).sum(axis=1).mean() > 0.9)
    True
    """

    kind: ClassVar[str] = "learned"
    pairs: ClassVar[bool] = True

    def __init__(
        self,
        *,
        steps: int = 200,
        rate: float = 0.02,
        temperature: float = 0.05,
        strength: float = 3.0,
        batch: int = 1024,
        seed: int = 0,
    ) -> None:
        self.steps = check_count("steps", steps)
        self.rate = _positive("rate", rate)
        self.temperature = check_number("temperature", temperature, low=0.01, high=1)
        self.strength = check_number("strength", strength, low=0, high=inf)
        self.batch = check_count("batch", batch, low=8)
        self.seed = check_count("seed", seed, low=0)

    def fit(self, embeddings: Embeddings) -> Self:
        """Learn from embeddings, forgetting what was learnt before."""
        try:
            from .descent import Descent
        except ImportError as error:
            raise missing(str(error.name), extra="train") from None
        with progress_steps({"means": 1, "descent": 99}) as step:
            with step("means"):
                moments = {name: Moments.of(x) for name, x in embeddings.arrays.items()}
            with step("descent"):
                matrices = Descent(
                    embeddings,
                    {name: own.mean for name, own in moments.items()},
                    rate=self.rate,
                    temperature=self.temperature,
                    strength=self.strength,
                    batch=self.batch,
                    seed=self.seed,
                ).matrices(self.steps)
        self.maps_ = {name: AffineMap(-a @ moments[name].mean, a) for name, a in matrices.items()}
        self.calibration_ = moments
        return self

    def solve(self, statistics: Statistics) -> dict[str, AffineMap]:
        """Always an error: sums do not tell rows apart."""
        raise InputError(
            f"a closer of kind '{self.kind}' does not learn from sums: "
            "fit it on the whole calibration set"
        )


def _positive(name: str, value: Any) -> float:
    if value == 0:
        raise InputError(f"{name} must be above 0; found {value!r}")
    return check_number(name, value, low=0, high=np.finfo(np.float64).max)
