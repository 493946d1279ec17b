"""What the examples share: their arguments, the vectors, and the comparison that they print."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from isthmus import Embeddings
from isthmus.closers import Centering, Closer, load_closer
from isthmus.integrations.one_index import cross_recall, evaluate_index
from isthmus.metrics.mixed_search import MixedSearch
from isthmus.readers import read_embeddings
from isthmus.resampling import shard


class Search(Protocol):
    """How the examples search: the ids of the first k of each query, best first.

    `column` is open or closed; `of` is the modality to search in, or None for all.
    """

    def __call__(
        self, column: str, queries: NDArray[np.float32], k: int, *, of: str | None
    ) -> Iterable[Sequence[int]]:
        """Ids for each query."""


@dataclass(frozen=True)
class Vectors:
    """What goes into the index, as it came and closed."""

    closer: Closer
    open: Embeddings
    closed: Embeddings


@dataclass(frozen=True)
class Answers:
    """What an index gave: mixed search, and R@1 from each modality to each other."""

    mixed: MixedSearch
    recall: dict[tuple[str, str], float]


def arguments(about: str) -> ArgumentParser:
    """What every example is asked; `about` is its documentation, of which the first line shows."""
    parser = ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("source", nargs="+", help="vectors, as `isthmus measure` takes them")
    parser.add_argument(
        "--modalities", help="the arrays to take: image,text (all 2-D if not given)"
    )
    parser.add_argument(
        "--closer", help="a saved closer; without it, centering is fitted on half of the groups"
    )
    return parser


def read(args: Namespace) -> Vectors:
    """The rows that go into the index: all if a closer is given, else the half not fitted on."""
    names = args.modalities.split(",") if args.modalities else None
    space = read_embeddings(*args.source, modalities=names)
    if args.closer:
        closer = load_closer(args.closer)
    else:
        closer, space = Centering().fit(shard(space, 0, 2)), shard(space, 1, 2)
    return Vectors(closer, space, closer.close(space))


def compare(vectors: Vectors, search: Search) -> dict[str, Answers]:
    """Every row as a query, against the open and against the closed vectors; printed."""
    answers = {}
    for column, space in (("open", vectors.open), ("closed", vectors.closed)):
        everywhere = partial(search, column, of=None)
        across = {
            (a, b): cross_recall(partial(search, column, of=b), space, query=a, gallery=b)
            for a, b in permutations(space.names, 2)
        }
        answers[column] = Answers(evaluate_index(everywhere, space), across)
    show(answers)
    return answers


def show(answers: dict[str, Answers]) -> None:
    """A row for each modality's queries: the match's place, and who takes the first ten."""
    names = list(answers["open"].mixed.by_modality)
    table = Table("queries", "index", "R@10", "nDCG@10")
    for name in names:
        table.add_column(f"{name}s in the top 10", max_width=10, justify="right")
    table.add_column("R@1 across", max_width=16)
    for name in names:
        for column, found in answers.items():
            mixed = found.mixed.by_modality[name]
            shares = [f"{share:.1%}" for share in mixed.top_share.values()]
            across = [f"{b} {r:.3f}" for (a, b), r in found.recall.items() if a == name]
            row = [name, column, f"{mixed.recall:.1%}", f"{mixed.ndcg:.3f}"]
            table.add_row(*row, *shares, ", ".join(across))
    Console().print(table)
