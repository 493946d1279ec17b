"""Gradient descent of linear maps on matched rows; needs torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..embeddings import Embeddings
from ..errors import InputError
from ..objectives import CloseGap
from ..progress import steps as progress_steps
from ..progress import ticker
from .items import Items, Places

LEAST = 10
"""Matched groups that descent needs."""

MOMENTUM = 0.9

EVERY = 5
"""Steps from one look at the groups held out to the next."""

PATIENCE = 40
"""Steps without a better look after which descent stops."""

_HELD_OUT = 5  # one group in so many

Batch = Mapping[str, tuple[Tensor, Tensor]]
"""Modality → rows less their mean, (g, D), and which groups have it, (g,)."""


class _Look(NamedTuple):
    """A step, CloseGap on the groups held out, and W of each modality after it."""

    step: int
    value: float
    weights: dict[str, Tensor]


class Descent:
    """Linear maps A_m = I + W_m, by descent of CloseGap + (s/G) Σ_m ‖W_m‖².

    Parameters
    ----------
    embeddings, means:
        The rows, and modality → mean of its unit rows, (D,).
    rate, temperature, strength, batch, seed:
        As in `LearnedMap`.

    Raises
    ------
    InputError
        Too few groups have rows of two modalities.
    """

    def __init__(
        self,
        embeddings: Embeddings,
        means: Mapping[str, NDArray[np.float64]],
        *,
        rate: float,
        temperature: float,
        strength: float,
        batch: int,
        seed: int,
    ) -> None:
        self.items, self.means = Items.of(embeddings), means
        if len(self.items) < LEAST:
            raise InputError(
                f"a learned map needs at least {LEAST} groups with rows of two modalities; "
                f"found {len(self.items)}: match more groups, or choose a closer that needs no "
                "pairs"
            )
        self.rate, self.strength, self.batch = rate, strength, batch
        self.objective = CloseGap(temperature=temperature)
        self.rng = np.random.default_rng(seed)

    def matrices(self, most: int) -> dict[str, NDArray[np.float64]]:
        """Modality → A_m, (D, D), after at most so many steps."""
        groups = self.rng.permutation(len(self.items))
        held_out = min(len(groups) // _HELD_OUT, self.batch)
        judge = self._rows(groups[:held_out])
        with progress_steps({"with groups held out": 1, "all groups": 1}) as step:
            with step("with groups held out"):
                rate = self.rate * _evenness(self._rows(groups[: self.batch]))
                found = self._best(groups[held_out:], judge, most, rate)
            with step("all groups"):
                weights = self._start()
                done = ticker(found.step)
                for _ in self._descend(weights, groups, found.step, rate):
                    done(1)
                if not self._value(weights, judge) <= found.value:  # it diverged
                    weights = found.weights
        return {
            name: np.eye(len(w)) + w.detach().numpy().astype(np.float64)
            for name, w in weights.items()
        }

    def _best(self, groups: Places, judge: Batch, most: int, rate: float) -> _Look:
        """Where in descent CloseGap on other groups was least."""
        weights = self._start()
        best = _Look(0, self._value(weights, judge), self._start())
        done = ticker(most)
        for step in self._descend(weights, groups, most, rate):
            done(1)
            if step % EVERY and step < most:
                continue
            value = self._value(weights, judge)
            if value < best.value:
                copies = {name: w.detach().clone() for name, w in weights.items()}
                best = _Look(step, value, copies)
            elif not value < np.inf or step - best.step >= PATIENCE:
                break
        return best

    def _start(self) -> dict[str, Tensor]:
        """W = 0 of each modality."""
        rows = self._rows(np.zeros(1, np.int64))
        return {
            name: torch.zeros(x.shape[1], x.shape[1], dtype=x.dtype).requires_grad_()
            for name, (x, _) in rows.items()
        }

    def _descend(
        self, found: dict[str, Tensor], groups: Places, most: int, rate: float
    ) -> Iterator[int]:
        """Change W in place; after each step, its number."""
        decay = 2 * self.strength / len(groups)
        descent = torch.optim.SGD(
            list(found.values()),
            lr=rate / (1 + rate * decay),  # a strong pull never overshoots
            momentum=MOMENTUM,
            nesterov=True,
            weight_decay=decay,
        )
        batches = self._batches(groups)
        for step in range(1, most + 1):
            batch = next(batches)
            with torch.enable_grad():
                descent.zero_grad()
                self._loss(found, batch).backward()  # type: ignore[no-untyped-call]
                descent.step()
            yield step

    def _batches(self, groups: Places) -> Iterator[Batch]:
        """Batches of even sizes, epoch after epoch, each in an order of its own."""
        several = -(-len(groups) // self.batch)
        if several == 1 and all((own <= 1).all() for own in self.items.counts.values()):
            whole = self._rows(groups)
            while True:
                yield whole
        while True:
            for part in np.array_split(self.rng.permutation(groups), several):
                yield self._rows(part)

    def _rows(self, groups: Places) -> Batch:
        rows = {}
        for name, (x, has) in self.items.draw(groups, self.rng).items():
            centred = x - self.means[name].astype(x.dtype)
            rows[name] = torch.from_numpy(centred), torch.from_numpy(has)
        return rows

    def _loss(self, found: Mapping[str, Tensor], batch: Batch) -> Tensor:
        mapped = {name: x + x @ found[name].T for name, (x, _) in batch.items()}
        mask = {name: has for name, (_, has) in batch.items() if not bool(has.all())}
        total: Tensor = self.objective(mapped, mask=mask).total
        return total

    def _value(self, found: Mapping[str, Tensor], batch: Batch) -> float:
        with torch.no_grad():
            return float(self._loss(found, batch))


def _evenness(batch: Batch) -> float:
    """Variance over the largest one of any direction, the least of all modalities, in [1, D].

    The steepest curve of the objective goes by that direction, and so does the longest step.
    """
    found = []
    for x, has in batch.values():
        own = x[has]
        if len(own) > 1:
            most = float(torch.linalg.matrix_norm(own, 2)) ** 2
            found.append(float(own.square().sum()) / max(most, 1e-12))
    return max(min(found, default=1.0), 1.0)
