"""Every closer on the same held-out halves: the table of docs/close.md.

    python benchmarks/closers.py SOURCE [--modalities image,text] [--labels LABELS] [--splits 20]

Each split fits on half of the groups and judges by the other half. Means over splits, as a
markdown table; 95 % intervals count that splits share rows (Nadeau and Bengio 2003).
"""

from __future__ import annotations

import argparse
import time
from functools import partial

from isthmus.closers.make import make_closer
from isthmus.closers.selection import CANDIDATES, METRICS, OPEN, SLOW, cross_validate
from isthmus.readers import read_embeddings

OTHERS = ("shift:strength=0.25", "interpolation", "dimensions", "ideal-words")
"""Methods that `isthmus close --method auto` does not try."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", nargs="+")
    parser.add_argument("--modalities")
    parser.add_argument("--groups", action="append", default=[])
    parser.add_argument("--labels", action="append", default=[])
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    names = given.modalities.split(",") if given.modalities else None
    space = read_embeddings(
        *given.source, modalities=names, groups=given.groups, labels=given.labels
    )
    methods = [
        name for name in (*CANDIDATES, *SLOW, *OTHERS) if given.labels or name != "ideal-words"
    ]
    started = time.perf_counter()
    trials = cross_validate(
        space,
        {name: partial(make_closer, name) for name in methods},
        folds=2,
        repeats=given.splits // 2,
        seed=given.seed,
    )
    columns = [name for name in METRICS if name in trials.scores[OPEN]]
    print(f"{space}; {given.splits} splits, {time.perf_counter() - started:.0f} s\n")
    print("| method |", " | ".join(METRICS[name] for name in columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    for method in trials.scores:
        cells = [str(trials.mean(method, name)) for name in columns]
        print(f"| {method} |", " | ".join(cells), "|")
    for method, why in trials.refused.items():
        print(f"\n{method} was refused: {why}")
    for method in trials.scores:
        print(f"R@1, {method} less open: {trials.difference(method, 'recall')}")


if __name__ == "__main__":
    main()
