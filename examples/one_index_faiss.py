"""One FAISS index for images and texts, from open vectors and from closed ones.

pip install isthmus faiss-cpu
python examples/one_index_faiss.py SOURCE --modalities image,text
"""

from __future__ import annotations

import sys

import faiss
import numpy as np
from comparison import Answers, arguments, compare, read
from numpy.typing import NDArray

from isthmus.arrays import unit_rows


def main(given: list[str]) -> dict[str, Answers]:
    """Insert, search, compare."""
    vectors = read(arguments(__doc__).parse_args(given))

    # FAISS holds vectors alone: row i of the index is row i of all modalities, one below the
    # other, and what else is known about it lies beside.
    modality = np.repeat(vectors.open.names, [len(x) for x in vectors.open.arrays.values()])
    indexes = {}
    for column, space in (("open", vectors.open), ("closed", vectors.closed)):
        rows = unit_rows(np.concatenate([np.asarray(x, np.float32) for x in space.arrays.values()]))
        indexes[column] = faiss.IndexFlatIP(rows.shape[1])  # of unit rows: the cosine
        indexes[column].add(rows)

    def search(column: str, queries: NDArray[np.float32], k: int, *, of: str | None) -> NDArray:
        """Queries of a closed index are closed too, as their own modality."""
        only = None
        if of is not None:
            chosen = faiss.IDSelectorBatch(np.flatnonzero(modality == of))
            only = faiss.SearchParameters(sel=chosen)
        _, ids = indexes[column].search(queries, k, params=only)
        return ids

    return compare(vectors, search)


if __name__ == "__main__":
    main(sys.argv[1:])
