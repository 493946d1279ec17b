import pyarrow as pa
import pytest

from tests.integrations.one_index_examples import ASK, check, example, page_code, page_scope, source


def test_one_lancedb_table_finds_across_modalities_once_closed(real_data, tmp_path, monkeypatch):
    lancedb = pytest.importorskip("lancedb", reason="lancedb is not installed")
    given = [source(real_data, tmp_path), *ASK]
    run = example(monkeypatch, "one_index_lancedb").main
    check(run([*given, "--database", str(tmp_path / "database")]), given)
    table = lancedb.connect(str(tmp_path / "database")).open_table("items")
    assert table.count_rows() == 500
    assert table.count_rows("modality = 'text'") == 250


def test_the_page_s_code_finds_the_pair(tmp_path):
    lancedb = pytest.importorskip("lancedb", reason="lancedb is not installed")
    scope = page_scope()
    schema = pa.schema(
        {"id": pa.int64(), "modality": pa.string(), "vector": pa.list_(pa.float32(), 8)}
    )
    scope["table"] = lancedb.connect(str(tmp_path)).create_table("items", schema=schema)
    code = page_code("LanceDB")
    exec(code[: code.rindex("table.search")], scope)
    first, only = (
        eval(line, scope) for line in code.splitlines() if line.startswith("table.search")
    )
    assert first[0]["id"] == only[0]["id"] == 0
    assert len(first) == len(only) == 10
