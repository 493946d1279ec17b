import numpy as np
import pytest

from isthmus.deploy.sql import pgvector_sql
from tests.integrations.one_index_examples import ASK, check, example, page_code, page_scope, source
from tests.integrations.postgres_server import postgres


def test_one_pgvector_column_finds_across_modalities_once_closed(real_data, tmp_path, monkeypatch):
    pytest.importorskip("pgvector", reason="pgvector, the client, is not installed")
    with postgres() as address:
        import psycopg

        given = [source(real_data, tmp_path), *ASK]
        run = example(monkeypatch, "one_index_pgvector").main
        check(run([*given, "--dsn", address]), given)
        with psycopg.connect(address) as database:
            left = database.execute("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'isthmus%'")
            assert left.fetchall() == []


def test_the_page_s_statements_close_new_rows_and_queries():
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    import psycopg

    scope = page_scope()
    index, ask, insert = page_code("PostgreSQL with pgvector", "sql").split(";\n")[:3]
    with postgres() as address, psycopg.connect(address, autocommit=True) as database:
        cursor = psycopg.RawCursor(database)
        cursor.execute("CREATE EXTENSION vector")
        cursor.execute("CREATE TABLE items (id int, kind text, embedding vector(8))")
        database.execute(
            pgvector_sql(scope["closer"], table="items", column="embedding", modality_column="kind")
        )
        cursor.execute(index)
        for number, row in zip(scope["ids"], scope["x"], strict=True):
            cursor.execute(insert, [number, str(row.tolist())])
        cursor.execute(ask, [str(scope["y"][0].tolist())])
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT embedding_closed::real[] FROM items ORDER BY id")
        np.testing.assert_allclose([row for (row,) in cursor], scope["closed"], atol=1e-6)
