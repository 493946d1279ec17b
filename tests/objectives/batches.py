"""Batches for the suites: what an objective is called with, and the same for slow references."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from isthmus.objectives import Objective, Terms
from tests.reference.nt_xent import Set

Views = Mapping[str, tuple[Tensor, ...]]


@dataclass(frozen=True)
class Given:
    """What an objective is called with."""

    embeddings: Views
    groups: Tensor | None = None
    mask: Mapping[str, Tensor] | None = None
    weights: Tensor | None = None

    @property
    def rows(self) -> int:
        return len(next(iter(self.embeddings.values()))[0])

    @property
    def flat(self) -> list[Tensor]:
        return [z for views in self.embeddings.values() for z in views]

    def of(self, arrays: list[Tensor]) -> Given:
        """With other rows, in the order of `flat`."""
        rest = iter(arrays)
        return replace(
            self, embeddings={n: tuple(next(rest) for _ in v) for n, v in self.embeddings.items()}
        )

    def each(self, change: Callable[[Tensor], Tensor]) -> Given:
        """With every view changed."""
        return self.of([change(z) for z in self.flat])

    def at(self, places: Tensor) -> Given:
        """These items, in this order."""
        return Given(
            self.each(lambda z: z[places]).embeddings,
            None if self.groups is None else self.groups[places],
            None if self.mask is None else {n: m[places] for n, m in self.mask.items()},
            None if self.weights is None else self.weights[places],
        )

    def through(self, objective: Objective) -> Terms:
        return objective(self.embeddings, groups=self.groups, mask=self.mask, weights=self.weights)

    def set(self, name: str, view: int = 0) -> Set:
        """A view for a slow reference."""
        codes = np.arange(self.rows) if self.groups is None else self.groups.numpy()
        weights = np.ones(self.rows) if self.weights is None else self.weights.numpy()
        have = np.ones(self.rows, bool)
        if self.mask is not None and name in self.mask:
            have = self.mask[name].numpy()
        return Set(self.embeddings[name][view].numpy()[have], codes[have], weights[have])


def given(modalities: Mapping[str, int], n: int = 5, d: int = 3, seed: int = 0) -> Given:
    """Random rows: modality → number of views."""
    generator = torch.Generator().manual_seed(seed)
    return Given(
        {
            name: tuple(torch.randn(views, n, d, generator=generator, dtype=torch.float64))
            for name, views in modalities.items()
        }
    )


def situations(modalities: Mapping[str, int], d: int = 3) -> dict[str, Given]:
    """What gradients must survive."""
    plain = given(modalities, d=d)
    groups = torch.tensor([0, 0, 1, 2, 2])
    twice = plain.at(torch.tensor([0, 0, 1, 2, 2]))
    one = plain.flat[0]
    names = list(modalities)
    some = {names[-1]: torch.tensor([True, False, True, True, False])}
    none = {names[0]: torch.tensor([True, False, False, False, False])}
    none[names[-1]] = ~none[names[0]] if len(names) > 1 else none[names[0]]
    weights = torch.tensor([1.0, 0.0, 2.0, 0.5, 3.0]).double()
    return {
        "random rows": plain,
        "groups": replace(plain, groups=groups),
        "duplicates as negatives": twice,
        "duplicates as positives": replace(twice, groups=groups),
        "perfect alignment": plain.each(lambda _: one),
        "one group": replace(plain, groups=torch.zeros(5, dtype=torch.long)),
        "one row": given(modalities, n=1, d=d),
        "one row, without a modality": replace(
            given(modalities, n=1, d=d), mask={names[-1]: torch.tensor([False])}
        ),
        "weights": replace(plain, weights=weights),
        "a modality is missing for some": replace(plain, mask=some),
        "no item has both": replace(plain, mask=none),
        "a modality that no item has": replace(plain, mask={names[-1]: torch.zeros(5).bool()}),
        "all at once": Given(plain.embeddings, groups, some, weights),
    }


def batches(modalities: Mapping[str, int]) -> st.SearchStrategy[Given]:
    """Random batches with and without groups, masks and weights."""

    def draw(n: int, d: int, seed: int, groups: int, lacking: bool, weighted: bool) -> Given:
        random = np.random.default_rng(seed)
        masks = {name: torch.from_numpy(random.random(n) < 0.7) for name in modalities}
        return Given(
            given(modalities, n, d, seed).embeddings,
            torch.from_numpy(random.integers(groups, size=n)) if groups else None,
            masks if lacking else None,
            torch.from_numpy(random.integers(3, size=n).astype(float)) if weighted else None,
        )

    return st.builds(
        draw,
        n=st.integers(1, 6),
        d=st.integers(2, 5),
        seed=st.integers(0, 2**16),
        groups=st.integers(0, 4),
        lacking=st.booleans(),
        weighted=st.booleans(),
    )


def saved_bytes(objective: Objective, batch: Given) -> int:
    """What the graph of a loss keeps for backward, every storage once."""
    storages: dict[int, torch.UntypedStorage] = {}  # held, so that no address is used twice

    def pack(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        storages[storage.data_ptr()] = storage
        return x

    with saved_tensors_hooks(pack, lambda x: x):
        terms = batch.each(lambda z: z.clone().requires_grad_()).through(objective)
    assert terms.total.requires_grad
    return sum(storage.nbytes() for storage in storages.values())
