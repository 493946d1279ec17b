"""Keep the rows of each modality apart: Gaussian potentials within it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .batch import Batch
from .objective import Objective
from .terms import Terms
from .uniformity import log_mean_potential


class ModalityUniformity(Objective):
    r"""Log of the mean Gaussian potential between a modality's rows, averaged over modalities.

    L_U(m) = log mean_{i≠j} exp(−2 ‖ z_i^m − z_j^m ‖²), in [−8, 0]; 0 where all rows coincide.
    Pairs in the same group are left out. It spreads every modality over the sphere by itself, so
    it neither closes a gap nor opens one: add an alignment term.

    Parameters
    ----------
    modalities:
        Those to spread; all if not given.

    Inputs
    ------
    As in `Objective`, one view of each modality; a single one is enough.

    Returns
    -------
    Terms
        With `uniformity`, their mean, and "uniformity/name" of each if there are several.

    Degenerate cases
    ----------------
    A modality without a pair to compare (one item, one group) contributes 0, with zero gradient.

    References
    ----------
    Wang and Isola, *Understanding Contrastive Representation Learning through Alignment and
    Uniformity on the Hypersphere* (ICML 2020).

    Examples
    --------
    >>> ModalityUniformity()({"image": torch.eye(2)}).total.item()
    -4.0
    """

    def __init__(self, *, modalities: Sequence[str] | None = None) -> None:
        super().__init__()
        self.modalities = None if modalities is None else list(modalities)

    def of(self, batch: Batch) -> Terms:
        """The loss of a batch."""
        names = batch.names if self.modalities is None else self.modalities
        if unknown := [name for name in names if name not in batch.views]:
            raise ValueError(f"no modality '{unknown[0]}' to spread; found {batch.names}")
        found = {}
        for name in names:
            rows = batch.rows(name)
            found[name] = log_mean_potential(rows.wide, rows.codes, rows.weights)
        loss = torch.stack(list(found.values())).mean()
        each = {f"uniformity/{name}": value for name, value in found.items()}
        return Terms(loss, {"uniformity": loss, **(each if len(each) > 1 else {})})
