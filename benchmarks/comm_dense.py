"""CoMM as its description reads, which `comm_step.py` compares with: no block of scores shared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from isthmus.models import Fusion

TEMPERATURE = 0.1


def embedded_anew(model: Fusion, views: Sequence[Mapping[str, Tensor]]) -> list[list[Tensor]]:
    """For each view, each modality alone and last all of them; a mask encodes what it leaves in.

    A view holds each modality under its name, and its padding under `NAME/valid`.
    """
    names = list(model.encoders)
    masks = [[name] for name in names] + [names]
    return [[_embedded(model, view, mask) for mask in masks] for view in views]


def _embedded(model: Fusion, view: Mapping[str, Tensor], mask: Sequence[str]) -> Tensor:
    left = {key: x for key, x in view.items() if key.partition("/")[0] in mask}
    return model.fuse(model.tokens(left)[0], projected=True)


def dense_loss(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """Mean over all masks, the whole among them; the term of the whole is computed twice."""
    terms = [
        (nt_xent(one, second[-1]) + nt_xent(other, first[-1])) / 2
        for one, other in zip(first, second, strict=True)
    ]
    return torch.stack(terms).mean()


def nt_xent(x: Tensor, y: Tensor) -> Tensor:
    """Every row against all others of both sets, from all scores at once, (2N, 2N)."""
    n = len(x)
    hidden = 1e8 * torch.eye(n, dtype=x.dtype, device=x.device)
    logits = torch.cat(
        [
            torch.cat([x @ y.T / TEMPERATURE, x @ x.T / TEMPERATURE - hidden], dim=1),
            torch.cat([y @ x.T / TEMPERATURE, y @ y.T / TEMPERATURE - hidden], dim=1),
        ]
    )
    logs = logits.log_softmax(dim=1)
    return -torch.cat([logs[:n, :n].diagonal(), logs[n:, :n].diagonal()]).mean()
