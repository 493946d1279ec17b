"""One LanceDB table for images and texts, with open vectors and closed ones.

pip install 'isthmus[data]'
python examples/one_index_lancedb.py SOURCE --modalities image,text --database FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import lancedb
import numpy as np
import pyarrow as pa
from comparison import Answers, arguments, compare, read
from numpy.typing import NDArray

from isthmus import Embeddings


def main(given: list[str]) -> dict[str, Answers]:
    """Insert, search, compare."""
    parser = arguments(__doc__)
    parser.add_argument("--database", type=Path, help="folder to keep (a temporary one if not)")
    args = parser.parse_args(given)
    vectors = read(args)
    with TemporaryDirectory() as temporary:
        database = lancedb.connect(str(args.database or temporary))
        names, sizes = vectors.open.names, [len(x) for x in vectors.open.arrays.values()]
        table = database.create_table(
            "items",
            pa.table(
                {
                    "id": np.arange(sum(sizes)),
                    "modality": np.repeat(names, sizes),
                    "item": np.concatenate([vectors.open.groups[name] for name in names]),
                    "open": column(vectors.open),
                    "closed": column(vectors.closed),
                }
            ),
            mode="overwrite",
        )

        def search(
            column: str, queries: NDArray[np.float32], k: int, *, of: str | None
        ) -> list[list[int]]:
            """All queries at once; queries of the closed column are closed too."""
            asked = table.search(queries, vector_column_name=column).distance_type("cosine")
            if of is not None:
                asked = asked.where(f"modality = '{of}'", prefilter=True)
            found = asked.select(["id", "_distance"]).limit(k).to_pandas()
            found = found.sort_values(["query_index", "_distance"])
            return [ids.tolist() for _, ids in found.groupby("query_index")["id"]]

        return compare(vectors, search)


def column(space: Embeddings) -> pa.FixedSizeListArray:
    """The rows of all modalities, one below the other, as a column of vectors."""
    rows = np.concatenate([np.asarray(x, np.float32) for x in space.arrays.values()])
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


if __name__ == "__main__":
    main(sys.argv[1:])
