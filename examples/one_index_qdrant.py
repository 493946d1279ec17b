"""One Qdrant collection for images and texts, with open vectors and closed ones.

    pip install isthmus qdrant-client
    python examples/one_index_qdrant.py SOURCE --modalities image,text --url http://localhost:6333

Without --url it runs in the client's own local mode: no server, exact search in Python.
"""

from __future__ import annotations

import sys

import numpy as np
from comparison import Answers, Vectors, arguments, compare, read
from numpy.typing import NDArray
from qdrant_client import QdrantClient, models

NAME = "isthmus_example"


def main(given: list[str]) -> dict[str, Answers]:
    """Insert, search, compare."""
    parser = arguments(__doc__)
    parser.add_argument("--url", help="of the server")
    args = parser.parse_args(given)
    vectors = read(args)
    client = QdrantClient(url=args.url) if args.url else QdrantClient(":memory:")
    client.create_collection(
        NAME,
        vectors_config={
            column: models.VectorParams(size=space.dimension, distance=models.Distance.COSINE)
            for column, space in (("open", vectors.open), ("closed", vectors.closed))
        },
    )
    try:
        insert(client, vectors)

        def search(
            column: str, queries: NDArray[np.float32], k: int, *, of: str | None
        ) -> list[list[int]]:
            """All queries at once; queries of the closed vectors are closed too."""
            only = None
            if of is not None:
                match = models.MatchValue(value=of)
                only = models.Filter(must=[models.FieldCondition(key="modality", match=match)])
            requests = [
                models.QueryRequest(query=query.tolist(), using=column, limit=k, filter=only)
                for query in queries
            ]
            answers = client.query_batch_points(NAME, requests=requests)
            return [[point.id for point in answer.points] for answer in answers]

        return compare(vectors, search)
    finally:
        client.delete_collection(NAME)
        client.close()


def insert(client: QdrantClient, vectors: Vectors) -> None:
    """One point for each row: both of its vectors, its modality and its item."""
    number = 0
    for name in vectors.open.names:
        rows = zip(
            np.asarray(vectors.open[name], np.float32).tolist(),
            np.asarray(vectors.closed[name], np.float32).tolist(),
            vectors.open.groups[name].tolist(),
            strict=True,
        )
        points = [
            models.PointStruct(
                id=number + i,
                vector={"open": row, "closed": closed},
                payload={"modality": name, "item": item},
            )
            for i, (row, closed, item) in enumerate(rows)
        ]
        client.upload_points(NAME, points, wait=True)
        number += len(points)


if __name__ == "__main__":
    main(sys.argv[1:])
