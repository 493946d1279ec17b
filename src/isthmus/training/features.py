"""Frozen features of any source as something to train small towers on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..checks import check_rows
from ..embeddings import Embeddings
from ..errors import InputError
from ..matching import encode
from ..models import FUSED, Fusion
from ..readers import read_raw
from .augment import Noise, Views
from .data import Data
from .embed import embed_batches
from .hints import suggest
from .paired_rows import PairedRows, RowsByIndex, single
from .scaled_rows import ScaledRows
from .tables import ID, Empty, Tables, check_joined

_AT_ONCE = 4096  # rows that are embedded


class Features(Data):
    """Features of every modality, frozen: of any source that `isthmus measure` reads, or tables.

    Their widths may differ. Rows match where their group ids are equal; an item has one row of
    every modality: where a group has several rows of one (five captions of an image), it gives
    as many items, and the others' rows are repeated.

    Tables are one file for each modality, csv, tsv or parquet, with a column of ids and a row for
    each; or npy, with the ids in `NAME.groups.npy` beside it. All other columns are features:
    numbers, or in parquet lists of numbers too. A row that is not there, and one that is empty in
    all features, say that the item lacks the modality.

    Parameters
    ----------
    source, modalities, groups, labels:
        As in `isthmus measure`. Or for tables: modality → file; of these, the ones to take; the
        column of ids, "id" if not given; the column of classes, in one table or more, or
        FILE:COLUMN. Items without a class are trained on, and not held out.
    held_out:
        The share of the groups that is measured and not trained on, of those that have all
        modalities.
    incomplete:
        Train on groups that lack a modality too: objectives are told, and leave the gaps out.
    standardise:
        Every column less its mean, over its deviation, both of the rows that are trained on.
    leave_out:
        Columns of tables that are no features.
    empty:
        An empty cell in a row of a table that holds numbers too is refused ("refuse"), or filled
        in with the "mean" of its column in the rows that are trained on.
    views:
        Views of every modality, or of some by name, for objectives that compare augmented views.
        One is the features as they are; of two both are augmented, of three all but the first.
    noise:
        Augmentation: normal noise of this size, relative to the features of the row.
    drop:
        Augmentation: this share of a row's features is set to zero.
    seed:
        Of the choice of held-out groups.
    """

    def __init__(
        self,
        *,
        source: str | Sequence[str] | Mapping[str, str],
        modalities: Sequence[str] | None = None,
        groups: str | Sequence[str] = (),
        labels: str | Sequence[str] = (),
        held_out: float = 0.1,
        incomplete: bool = False,
        standardise: bool = False,
        leave_out: str | Sequence[str] = (),
        empty: Empty = "refuse",
        views: int | Mapping[str, int] = 1,
        noise: float = 0.1,
        drop: float = 0.1,
        seed: int = 0,
    ) -> None:
        self._tables: Tables | None = None
        if isinstance(source, Mapping):
            self._tables = Tables(
                id=_one(groups, "groups") or ID,
                label=_one(labels, "labels"),
                leave_out=_several(leave_out),
                empty=empty,
            )
            source = _chosen(source, modalities)
            raw = self._tables.read(source)
            check_joined(source, raw.groups or {})
            self._tables = self._tables.fixed(source)
        else:
            raw = read_raw(
                *_several(source),
                modalities=modalities,
                groups=_several(groups),
                labels=_several(labels),
            )
            for name, rows in raw.arrays.items():
                check_rows(rows, name)
        places = {n: np.arange(1.0, len(rows) + 1)[:, None] for n, rows in raw.arrays.items()}
        self._space = Embeddings(places, groups=raw.groups, labels=raw.labels)
        if not 0 <= held_out < 1:
            raise InputError(f"held_out is a share of the groups, in [0, 1); found {held_out}")
        augment = Views.of(views, dict.fromkeys(raw.arrays, Noise(noise, drop)))
        self.held_out, kept = self._split(held_out, incomplete, seed)
        items = PairedRows.of(raw.arrays, self._space.codes, kept, augment)
        self._rows: dict[str, RowsByIndex] = dict(raw.arrays)
        if standardise or self._tables is not None:
            for name, rows in raw.arrays.items():
                trained = np.unique(items.index[name])
                self._rows[name] = ScaledRows.of(
                    rows, trained[trained >= 0], standardise=standardise
                )
        self.train = replace(items, rows=self._rows)
        self.shapes = {name: {"inputs": int(x.shape[1])} for name, x in raw.arrays.items()}
        self.encoders = dict.fromkeys(raw.arrays, "MLP")

    def _split(self, held_out: float, incomplete: bool, seed: int) -> tuple[int, NDArray[Any]]:
        """How many groups are held out, and those that are trained on."""
        found = [np.unique(codes) for codes in self._space.codes.values()]
        every, lacking = np.unique(np.concatenate(found), return_counts=True)
        common = every[lacking == len(found)]
        measured = common if self._tables is None else np.setdiff1d(common, self._unlabelled())
        count = max(2, round(held_out * len(measured))) if held_out else 0
        if len(common) < count + 2 or len(measured) < count:
            classes = "" if len(measured) == len(common) else " and a class"
            raise InputError(
                f"only {len(measured)} groups have rows of every modality "
                f"({', '.join(self._space.names)}){classes}: too few to train on and hold out "
                f"{held_out:.0%} of"
            )
        shuffled = np.random.default_rng(seed).permutation(measured)
        self._groups = np.sort(shuffled[:count])
        return count, np.setdiff1d(every if incomplete else common, self._groups)

    def _unlabelled(self) -> NDArray[Any]:
        """The groups without a class, if others have one."""
        space, labels = self._space, self._space.labels or {}
        found = [space.codes[name][own == ""] for name, own in labels.items()]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)

    def embed(self, towers: nn.Module) -> Embeddings:
        """The held-out groups, every row once, and of a fusion model every item "fused"."""
        space, labels = self._space, self._space.labels
        chosen = {n: np.flatnonzero(np.isin(c, self._groups)) for n, c in space.codes.items()}
        found = {name: self._embed(towers, {name: rows})[name] for name, rows in chosen.items()}
        groups = {name: space.groups[name][rows] for name, rows in chosen.items()}
        classes = None if labels is None else {n: labels[n][rows] for n, rows in chosen.items()}
        if isinstance(towers, Fusion):
            items = PairedRows.of(self._rows, space.codes, self._groups).index
            found[FUSED] = self._embed(towers, items)[FUSED]
            first, rows = next(iter(items.items()))
            groups[FUSED] = space.groups[first][rows]
            if labels is not None and classes is not None:
                classes[FUSED] = labels[first][rows]
        return Embeddings(found, groups=groups, labels=classes)

    def fuse(
        self, model: nn.Module, source: Mapping[str, str]
    ) -> tuple[NDArray[np.str_], NDArray[Any]]:
        """The ids (N,) and fused rows (N, width) of the items in other tables.

        They have the columns of those that the model was trained on; each item is fused of the
        modalities that it has, and a modality may lack a table altogether. Nothing is held out.

        Raises
        ------
        InputError
            A model that fuses nothing, or data that are no tables; what reading tables refuses.
        """
        if self._tables is None or not isinstance(model, Fusion):
            raise InputError("fuse takes a fusion model, and tables as its data were")
        if unknown := [name for name in source if name not in self._rows]:
            raise InputError(f"no modality '{unknown[0]}'; {suggest(unknown[0], list(self._rows))}")
        raw = self._tables.read(source)
        rows: dict[str, RowsByIndex] = {}
        for name, found in raw.arrays.items():
            own = self._rows[name]
            assert isinstance(own, ScaledRows)
            if found.shape[1] != len(own.mean):
                raise InputError(
                    f"{source[name]} has {found.shape[1]} numbers in a row; the model was trained "
                    f"on {len(own.mean)}"
                )
            rows[name] = own.like(found)
        assert raw.groups is not None
        ids, first = np.unique(np.concatenate(list(raw.groups.values())), return_index=True)
        order = np.argsort(first)  # as they come
        items = PairedRows.of(rows, encode(raw.groups), order)
        parts = np.array_split(np.arange(len(items)), -(-len(items) // _AT_ONCE))
        return ids[order], embed_batches(model, map(items.take, parts))[FUSED]

    def _embed(
        self, towers: nn.Module, rows: Mapping[str, NDArray[Any]]
    ) -> dict[str, NDArray[Any]]:
        count = len(next(iter(rows.values())))
        batches = (
            {name: single(self._rows[name][own[k : k + _AT_ONCE]]) for name, own in rows.items()}
            for k in range(0, count, _AT_ONCE)
        )
        return embed_batches(towers, batches)


def _chosen(source: Mapping[str, str], modalities: Sequence[str] | None) -> dict[str, str]:
    if unknown := [name for name in modalities or () if name not in source]:
        raise InputError(f"no modality '{unknown[0]}'; {suggest(unknown[0], list(source))}")
    return {name: source[name] for name in (source if modalities is None else modalities)}


def _one(value: str | Sequence[str], what: str) -> str | None:
    several = _several(value)
    if len(several) > 1:
        raise InputError(f"{what}: tables take one column; found {', '.join(several)}")
    return several[0] if several else None


def _several(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
