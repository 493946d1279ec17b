"""One pgvector column for images and texts: the database closes its vectors itself.

    pip install isthmus 'psycopg[binary]' pgvector
    python examples/one_index_pgvector.py SOURCE --modalities image,text --dsn postgresql://…

Works in a schema of its own, `isthmus_example`, which it drops at the end.
"""

from __future__ import annotations

import sys

import numpy as np
import psycopg
from comparison import Answers, Search, Vectors, arguments, compare, read
from numpy.typing import NDArray
from pgvector.psycopg import register_vector
from psycopg import sql

from isthmus.deploy.sql import pgvector_sql


def main(given: list[str]) -> dict[str, Answers]:
    """Insert, search, compare."""
    parser = arguments(__doc__)
    parser.add_argument("--dsn", default="", help="the database (PGHOST and the like if not given)")
    args = parser.parse_args(given)
    vectors = read(args)
    with psycopg.connect(args.dsn, autocommit=True) as database:
        database.execute("CREATE EXTENSION IF NOT EXISTS vector")
        register_vector(database)
        database.execute("DROP SCHEMA IF EXISTS isthmus_example CASCADE")
        database.execute("CREATE SCHEMA isthmus_example")
        (path,) = database.execute("SHOW search_path").fetchone()
        database.execute(f"SET search_path = isthmus_example, {path}")
        try:
            insert_open(database, vectors)
            # As `isthmus export CLOSER --to sql` writes it: adds the column embedding_closed.
            database.execute(
                pgvector_sql(
                    vectors.closer, table="items", column="embedding", modality_column="modality"
                )
            )
            return compare(vectors, searching(database))
        finally:
            database.execute("DROP SCHEMA isthmus_example CASCADE")


def insert_open(database: psycopg.Connection, vectors: Vectors) -> None:
    """All rows with their modality and item, as the model gave them."""
    space, number = vectors.open, 0
    database.execute(
        sql.SQL(
            "CREATE TABLE items "
            "(id int PRIMARY KEY, modality text, item text, embedding vector({}))"
        ).format(sql.Literal(space.dimension))
    )
    with database.cursor().copy("COPY items FROM STDIN WITH (FORMAT BINARY)") as copy:
        copy.set_types(["int4", "text", "text", "vector"])
        for name, rows in space.arrays.items():
            for item, row in zip(space.groups[name], rows, strict=True):
                copy.write_row((number, name, str(item), np.asarray(row, np.float32)))
                number += 1


def searching(database: psycopg.Connection) -> Search:
    """Exact search by cosine distance; without an index PostgreSQL compares all rows."""
    columns = {"open": sql.Identifier("embedding"), "closed": sql.Identifier("embedding_closed")}

    def search(
        column: str, queries: NDArray[np.float32], k: int, *, of: str | None
    ) -> list[list[int]]:
        """Queries of the closed column are closed too.

        Here they come closed; `embedding_closed <=> (SELECT isthmus_close_image($1))` closes
        an open one in the database.
        """
        statement = sql.SQL(
            "SELECT id FROM items WHERE %(of)s::text IS NULL OR modality = %(of)s "
            "ORDER BY {} <=> %(query)s LIMIT %(k)s"
        ).format(columns[column])
        return [
            [found for (found,) in database.execute(statement, {"of": of, "query": query, "k": k})]
            for query in queries
        ]

    return search


if __name__ == "__main__":
    main(sys.argv[1:])
