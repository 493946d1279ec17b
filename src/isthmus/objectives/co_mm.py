"""CoMM: every modality alone, and all of them fused, against the fused views of an item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch

from .batch import Batch
from .blocks import Blocks
from .objective import Objective
from .rows import Rows
from .schedules import Schedule
from .temperature import Temperature
from .terms import Terms

Form = Literal["released", "paper"]
"""Which statement of the loss: that of the released code, or that of the paper."""


class CoMM(Objective):
    r"""Contrast in a fused space, which keeps shared, unique and synergistic information.

    Z' and Z'' are fused embeddings of two augmentations of all modalities of an item, Z_i those of
    modality i alone, put through the same fusion. NTX is NT-Xent, as in `SimCLR`: with L =
    NTX(Z', Z'') and L_i = ½ [NTX(Z'_i, Z'') + NTX(Z''_i, Z')], for n modalities,

    - form "released": (L + Σ_i L_i) / (n + 1), with the embeddings Z'_i and Z''_i of modality i
      in both augmentations;
    - form "paper": L + Σ_i L_i, with one embedding Z_i = Z'_i = Z''_i of the modality, not
      augmented.

    The two forms are the same loss up to the factor n + 1 where they are given the same views.
    The paper's formula writes InfoNCE, with negatives from the other set alone; its released code
    has NT-Xent, with those of both sets, and so has this objective in both forms. Each of the
    2n + 1 distinct blocks of scores across sets, and each within a set, is computed once.

    With equal `groups`, the target is spread evenly over all other rows of the group. With a
    `mask`, items without modality i count in all terms but L_i, where they are negatives.

    Parameters
    ----------
    temperature, learnable, bounds:
        As in `Temperature`, one for all terms.
    fused:
        Name under which the fused embeddings are given; all others are modalities.
    form:
        As above. It says how many views of each modality are expected.
    weights:
        Name → weight of its term, 1 where there is none. The released form divides by n + 1
        whatever the weights.

    Inputs
    ------
    As in `Objective`: a pair of fused embeddings; of each modality, a pair (form "released") or
    one (form "paper").

    Returns
    -------
    Terms
        L under the name of the fused embeddings, and each L_i under that of its modality.

    Raises
    ------
    ValueError
        Without fused embeddings or without a modality beside them; another number of views than
        the form expects; a weight for a name that is not there.

    Degenerate cases
    ----------------
    One item: 0 with zero gradient.

    References
    ----------
    Dufumier et al., *What to align in multimodal contrastive learning?* (2025).

    Examples
    --------
    >>> x = torch.eye(3)
    >>> views = {"image": (x, x), "text": (x, x), "fused": (x, x)}
    >>> loss = CoMM(temperature=1.0)(views)
    >>> {name: round(value, 4) for name, value in loss.floats().items()}
    {'loss': 0.9048, 'fused': 0.9048, 'image': 0.9048, 'text': 0.9048}
    """

    def __init__(
        self,
        *,
        temperature: float | Schedule = 0.1,
        learnable: bool = False,
        bounds: tuple[float, float] = (0.01, 1.0),
        fused: str = "fused",
        form: Form = "released",
        weights: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        if form not in ("released", "paper"):
            raise ValueError(f"form must be 'released' or 'paper'; found '{form}'")
        self.tau = Temperature(temperature, learnable=learnable, bounds=bounds)
        self.fused = fused
        self.form = form
        self.weights = dict(weights or {})

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        names = [name for name in batch.names if name != self.fused]
        if not names or len(names) == len(batch.names):
            raise ValueError(
                f"CoMM compares fused embeddings, '{self.fused}', with those of one modality or "
                f"more; found {batch.names}"
            )
        if unknown := set(self.weights) - set(batch.names):
            raise ValueError(
                f"a weight for '{sorted(unknown)[0]}', which is none of {', '.join(batch.names)}"
            )
        sets: list[Rows] = [*batch.two_views(self.fused)]  # Z' and Z''
        places = {}
        for name in names:
            alone = self._alone(batch, name)
            places[name] = len(sets), len(sets) + len(alone) - 1
            sets += alone
        blocks = Blocks(sets, self.tau())
        terms = {self.fused: blocks.nt_xent((0, 1))}
        for name, (first, second) in places.items():
            terms[name] = (blocks.nt_xent((first, 1)) + blocks.nt_xent((second, 0))) / 2
        total = torch.stack([self.weights.get(n, 1.0) * term for n, term in terms.items()]).sum()
        return Terms(total / len(terms) if self.form == "released" else total, terms)

    def _alone(self, batch: Batch, name: str) -> tuple[Rows, ...]:
        if self.form == "released":
            return batch.two_views(name)
        if len(batch.views[name]) != 1:
            raise ValueError(
                f"the paper's form takes one embedding of '{name}', not augmented; found "
                f"{len(batch.views[name])} views"
            )
        return (batch.rows(name),)
