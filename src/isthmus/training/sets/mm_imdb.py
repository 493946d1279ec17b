"""MM-IMDb as recipes train on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ...datasets.mm_imdb import GENRES, mm_imdb
from ...datasets.root import data_root
from ..splits import SPLITS
from .captioned_splits import CaptionedSplits
from .pictures import Fit


class MMIMDb(CaptionedSplits):
    """Movies with poster and plot; see `isthmus.datasets.mm_imdb`.

    `image` (B, 3, side, side) uint8 is augmented as in SimCLR, of `text` (B, L) words are masked.
    Held out is the test split; probes read any of 23 genres. In training a movie's plot is drawn
    anew each time; in all splits as probes read them it is the longest, by no chance.

    Parameters
    ----------
    root, download:
        Where the data lie, and whether what is missing is downloaded.
    views:
        Views of both modalities, or of some by name. One is as it is; of two both are augmented, of
        three all but the first.
    augment:
        Options of `SimCLRViews` that differ from the paper's.
    mask:
        The share of a plot's tokens that is masked in an augmented view.
    frozen:
        Modality → frozen encoder that gives tokens: they are computed once, kept in ROOT/mm_imdb/,
        and are the modality's only view. See `isthmus.training.sets.token_cache`; with tokens of
        `text`, training reads the longest plots too.
    side, fit:
        Of the squares in pixels, and how a poster becomes one: the middle ("crop") or all of it
        ("squash").
    tokens, words, length:
        "words": the most frequent `words` of the training plots, cut after `length`;
        "open_clip:ARCHITECTURE" or "transformers:NAME": their tokens.
    rows, held_out:
        Movies to train on, and of the test split to measure in training, evenly spread; null: all.
        Probes take all in any case.
    labelled:
        Items to train on come with what is to be told of them, for `Supervised`.
    limit:
        At most so many movies of each split, the first: for trying out.
    workers:
        Threads that decode; null: one for each processor, at most 16.
    device:
        Where batches are augmented, and frozen encoders run: "cuda" for training there.
    """

    kind = "labels"

    def __init__(
        self,
        *,
        root: str | None = None,
        download: bool = True,
        views: int | Mapping[str, int] = 1,
        augment: Mapping[str, Any] | None = None,
        mask: float = 0.15,
        frozen: Mapping[str, nn.Module] | None = None,
        side: int = 224,
        fit: Fit = "crop",
        tokens: str = "words",
        words: int = 20_000,
        length: int = 256,
        rows: int | None = None,
        held_out: int | None = None,
        labelled: bool = False,
        limit: int | None = None,
        workers: int | None = None,
        device: str = "cpu",
    ) -> None:
        parts = {s: mm_imdb(s, root=root, download=download, limit=limit) for s in SPLITS}
        super().__init__(
            parts,
            {split: own.genres for split, own in parts.items()},
            folder=data_root(root) / "mm_imdb",
            views_of=views,
            augment=augment,
            mask=mask,
            frozen=frozen,
            side=side,
            fit=fit,
            tokens=tokens,
            words=words,
            length=length,
            rows=rows,
            held_out=held_out,
            labelled=labelled,
            workers=workers,
            device=device,
            about=f"MM-IMDb, {len(GENRES)} genres",
        )
