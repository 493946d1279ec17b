from __future__ import annotations

import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from isthmus import Embeddings, InputError
from isthmus.cli.main import app
from isthmus.closers import Centering
from isthmus.closers.base import Affine
from isthmus.deploy.sql import pgvector_sql
from isthmus.deploy.sql_names import block, identifier, literal, vector
from tests.integrations.postgres_server import find_installed, postgres
from tests.reference.gap import unit

D = 12
NASTY = """x"; DROP TABLE items; -- ' $isthmus$ \\ %s %% é"""


def gapped(names: tuple[str, ...] = ("image", "text"), width: int = D) -> Embeddings:
    rng = np.random.default_rng(0)
    return Embeddings(
        {name: rng.normal(size=(30, width)) + rng.normal(size=width) for name in names}
    )


class Mapped(Centering):
    """A stand-in: x̂ ↦ A_m x̂ − A_m μ_m with a matrix per modality."""

    kind = "mapped"

    def __init__(self, shape: str = "square", scale: float = 1.0) -> None:
        self.shape = shape
        self.scale = scale

    def as_affine(self, modality: str) -> Affine:
        bias = super().as_affine(modality).bias
        rng = np.random.default_rng(len(modality))
        rows = {"square": D, "narrow": D // 2, "wide": D + 3, "diagonal": D}[self.shape]
        matrix = rng.normal(size=(rows, D))
        if self.shape == "diagonal":
            matrix = np.diag(rng.uniform(0.5, 2, D))
        return Affine(self.scale * matrix, self.scale * matrix @ bias)

    def transform(self, x, *, modality):
        matrix, bias = self.as_affine(modality)
        return unit(unit(np.asarray(x, np.float64)) @ matrix.T + bias)


CLOSERS = {
    "centering": Centering(),
    "diagonal": Mapped("diagonal"),
    "full": Mapped(),
    "to fewer dimensions": Mapped("narrow"),
    "to more dimensions": Mapped("wide"),
    "huge numbers": Mapped(scale=1e12),
    "tiny numbers": Mapped("diagonal", scale=1e-12),
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with postgres() as found:
        yield found


@pytest.fixture
def database(address):
    """A connection to an empty schema."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute("CREATE EXTENSION vector")
        yield connection


def rows_of(n: int = 40, names: tuple[str, ...] = ("image", "text")) -> list[tuple]:
    """(id, modality, row), rows of all lengths."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, D)) * 10 ** rng.uniform(-6, 6, (n, 1))
    return [(i, names[i % len(names)], x[i].astype(np.float32)) for i in range(n)]


def fill(database, rows, *, table='"items"', kind='"kind"', column='"embedding"', of="vector"):
    width = "" if of == "real[]" else f"({D})"
    database.execute(f"CREATE TABLE {table} (id int, {kind} text, {column} {of}{width})")
    insert(database, rows, table)


def insert(database, rows, table='"items"'):
    for number, modality, row in rows:
        values = "NULL" if row is None else f"ARRAY{row.tolist()}::real[]"
        database.execute(f"INSERT INTO {table} VALUES ({number}, {text(modality)}, {values})")


def text(value: str | None) -> str:
    return "NULL" if value is None else literal(value)


def fetch(database, what: str, table: str = '"items"') -> np.ndarray:
    found = database.execute(f"SELECT {what}::vector::real[] FROM {table} ORDER BY id").fetchall()
    return np.array([row for (row,) in found])


def expected(closer, rows) -> np.ndarray:
    return np.concatenate([closer.transform(row[None], modality=m) for _, m, row in rows])


def catalogue(database) -> list:
    """All columns and functions there are, with their comments."""
    return database.execute(
        "SELECT c.relname, a.attname, a.atttypid::regtype, a.atttypmod, "
        "col_description(c.oid, a.attnum) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid "
        "JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public' AND attnum > 0 "
        "UNION ALL SELECT 'function', proname, NULL, NULL, obj_description(p.oid) FROM pg_proc p "
        "JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'public' AND prolang <> "
        "(SELECT oid FROM pg_language WHERE lanname = 'c') ORDER BY 1, 2"
    ).fetchall()


@pytest.mark.parametrize("in_place", [False, True], ids=["added", "in place"])
@pytest.mark.parametrize("name", CLOSERS)
def test_every_row_and_every_query_becomes_what_transform_gives(database, name, in_place):
    closer = CLOSERS[name].fit(gapped())
    rows = rows_of()
    fill(database, rows)
    target = "embedding" if in_place else "embedding_closed"
    sql = pgvector_sql(
        closer, table="items", column="embedding", modality_column="kind", target_column=target
    )
    asked = {m: f"isthmus_close_{m}(embedding)" for m in closer.names}
    if not in_place:
        before = fetch(database, "embedding")
    database.execute(sql)
    found = fetch(database, target)
    np.testing.assert_allclose(found, expected(closer, rows), atol=1e-5)
    if not in_place:
        np.testing.assert_array_equal(fetch(database, "embedding"), before)
        for modality, call in asked.items():
            queries = [(i, modality, row) for i, _, row in rows]
            np.testing.assert_allclose(fetch(database, call), expected(closer, queries), atol=1e-5)


def test_real_vectors_become_what_transform_gives(database, real_data):
    with np.load(real_data("clip_coco500/coco_val500_clip_vitb16.npz")) as file:
        space = Embeddings({name: file[name] for name in ("image", "text")})
    closer = Centering().fit(space)
    database.execute("CREATE TABLE items (id int, kind text, embedding vector(512))")
    with database.cursor().copy("COPY items FROM STDIN") as copy:
        for name, rows in space.arrays.items():
            for number, row in enumerate(rows):
                copy.write_row((number + 500 * (name == "text"), name, vector(row)))
    database.execute(
        pgvector_sql(closer, table="items", column="embedding", modality_column="kind")
    )
    closed = closer.close(space)
    np.testing.assert_allclose(
        fetch(database, "embedding_closed"),
        np.concatenate([closed["image"], closed["text"]]),
        atol=1e-6,
    )


@pytest.mark.parametrize("of", ["vector", "halfvec", "real[]"])
@pytest.mark.parametrize("halfvec", [False, True])
def test_columns_of_all_kinds_are_closed(database, of, halfvec):
    closer = Mapped("narrow").fit(gapped())
    rows = [(i, m, unit(row[None])[0].astype(np.float32)) for i, m, row in rows_of(10)]
    fill(database, rows, of=of)
    database.execute(
        pgvector_sql(
            closer, table="items", column="embedding", modality_column="kind", halfvec=halfvec
        )
    )
    found = fetch(database, "embedding_closed")
    atol = 1e-5 if not halfvec and of != "halfvec" else 5e-3
    np.testing.assert_allclose(found, expected(closer, rows), atol=atol)
    kinds = {column: kind for _, column, kind, *_ in catalogue(database)}
    assert kinds["embedding_closed"] == ("halfvec" if halfvec else "vector")


@pytest.mark.parametrize("closer", [Centering(), Mapped()], ids=["light", "full"])
def test_names_of_any_kind_are_names_and_nothing_else(database, closer):
    image, other = "im\"age' $isthmus$ \\ %s é", "it's; DROP TABLE x\n--\\"
    closer.fit(gapped((image, "text")))
    rows = rows_of(8, (image, "text"))
    schema, table, column = (f"{NASTY}{one}" for one in ("schema", "table", "column"))
    database.execute(f"DROP SCHEMA IF EXISTS {identifier(schema)} CASCADE")
    database.execute(f"CREATE SCHEMA {identifier(schema)}")
    place = identifier(table, schema)
    spoken = [(i, other if m == "text" else m, row) for i, m, row in rows]
    fill(database, spoken, table=place, kind=identifier(NASTY), column=identifier(column))
    common = {"table": table, "schema": schema, "column": column, "prefix": "p\"'$isthmus$ "}
    for target in (f"{NASTY}target", column):
        database.execute(
            pgvector_sql(
                closer,
                **common,
                modality_column=NASTY,
                values={"text": other},
                target_column=target,
            )
        )
        np.testing.assert_allclose(
            fetch(database, identifier(target), place), expected(closer, rows), atol=1e-5
        )
    assert refusal(database, pgvector_sql(closer, **common, modality="text")) == (
        f"column {identifier(column)} holds closed vectors already"
    )


@pytest.mark.parametrize("name", ["items", NASTY])
def test_the_command_s_file_runs_in_psql(database, address, tmp_path, name):
    psql = find_installed() / "bin/psql"
    if not psql.exists():
        pytest.skip(f"no psql beside the server: looked for {psql}")
    CENTERING.save(tmp_path / "closer.safetensors")
    options = ["--table", name, "--column", "embedding", "--modality-column", "kind"]
    export = ["export", tmp_path / "closer.safetensors", "--to", "sql", *options]
    done = CliRunner().invoke(app, [str(one) for one in [*export, "--out", tmp_path / "close.sql"]])
    assert done.exit_code == 0, done.output
    rows = rows_of(6)
    fill(database, rows, table=identifier(name))
    command = [psql, address, "-X", "-v", "ON_ERROR_STOP=1", "-f", tmp_path / "close.sql"]
    for _ in range(2):
        done = subprocess.run([str(one) for one in command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found = fetch(database, "embedding_closed", identifier(name))
        np.testing.assert_allclose(found, expected(CENTERING, rows), atol=1e-5)


def refusal(database, sql: str) -> str:
    """The message of a script that the database refuses; it must leave nothing behind."""
    import psycopg

    before = catalogue(database)
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        database.execute(sql)
    database.execute("ROLLBACK")
    assert catalogue(database) == before
    return caught.value.diag.message_primary


def script(closer, **options) -> str:
    given = {"table": "items", "column": "embedding", "modality_column": "kind"} | options
    return pgvector_sql(closer, **given)


CENTERING = Centering().fit(gapped())
FULL = Mapped().fit(gapped())


@pytest.mark.parametrize("closer", [CENTERING, FULL], ids=["light", "full"])
def test_a_second_run_closes_the_rows_that_came_since_and_no_other(database, closer):
    rows = [*rows_of(6), (6, "text", None)]
    fill(database, rows)
    database.execute(script(closer))
    state = catalogue(database)
    tuples = database.execute("SELECT id, xmin FROM items ORDER BY id").fetchall()
    later = [(i + 10, m, row) for i, m, row in rows_of(4)]
    insert(database, [(i, m, row) for i, m, row in later], '"items" (id, kind, embedding)')
    database.execute(script(closer))
    assert catalogue(database) == state
    found = database.execute("SELECT id, xmin FROM items WHERE id < 10 ORDER BY id").fetchall()
    assert found == tuples  # not written again
    database.execute("DELETE FROM items WHERE id = 6")
    np.testing.assert_allclose(
        fetch(database, "embedding_closed"), expected(closer, rows[:6] + later), atol=1e-5
    )


def test_null_stays_null(database):
    fill(database, [*rows_of(4), (4, "image", None), (5, None, None), (6, "audio", None)])
    database.execute(script(CENTERING))
    null = "SELECT id FROM items WHERE embedding_closed IS NULL ORDER BY id"
    assert database.execute(null).fetchall() == [(4,), (5,), (6,)]
    database.execute(script(CENTERING, target_column="embedding"))
    assert database.execute(null.replace("_closed", "")).fetchall() == [(4,), (5,), (6,)]


@pytest.mark.parametrize("modality", ["image", "text"])
def test_a_table_of_one_modality_needs_no_column_for_it(database, modality):
    rows = rows_of(6, (modality,))
    fill(database, rows)
    database.execute(script(FULL, modality=modality, modality_column=None))
    np.testing.assert_allclose(fetch(database, "embedding_closed"), expected(FULL, rows), atol=1e-5)


def test_replacing_a_column_keeps_its_comment_and_its_index_and_happens_once(database):
    rows = rows_of(6)
    fill(database, rows)
    database.execute("COMMENT ON COLUMN items.embedding IS 'of CLIP''s'")
    database.execute("CREATE INDEX by_cosine ON items USING hnsw (embedding vector_cosine_ops)")
    narrow = Mapped("narrow").fit(gapped())
    database.execute(script(narrow, target_column="embedding"))
    (comment,) = (c for _, name, *_, c in catalogue(database) if name == "embedding" and c)
    assert comment.startswith("of CLIP's; closed by isthmus mapped ")
    assert comment.endswith(f'from "embedding" as vector({D // 2})')
    assert database.execute("SELECT 1 FROM pg_indexes WHERE indexname = 'by_cosine'").fetchall()
    for options in ({}, {"target_column": "embedding"}):
        message = refusal(database, script(CENTERING, prefix="other", **options))
        assert message == 'column "embedding" holds closed vectors already'
    np.testing.assert_allclose(fetch(database, "embedding"), expected(narrow, rows), atol=1e-5)


def test_another_closer_needs_a_column_and_functions_of_its_own(database):
    fill(database, rows_of(6))
    database.execute(script(CENTERING))
    message = refusal(database, script(FULL, prefix="other"))
    assert message == 'column "embedding_closed" exists and holds something else'
    message = refusal(database, script(FULL, target_column="other"))
    assert message == (
        'another closer, or nobody known, made "isthmus_close_image"(vector), '
        '"isthmus_close_text"(vector)'
    )
    database.execute(script(FULL, target_column="other", prefix="other"))
    np.testing.assert_allclose(fetch(database, "other"), expected(FULL, rows_of(6)), atol=1e-5)


def test_a_column_of_the_target_s_name_is_not_overwritten(database):
    fill(database, rows_of(4))
    database.execute("ALTER TABLE items ADD COLUMN embedding_closed text DEFAULT 'mine'")
    assert "holds something else" in refusal(database, script(CENTERING))


ROWS_REFUSED = {
    "unknown modality": ([(9, "audio", np.ones(D))], 'not fitted on the modality "audio"'),
    "no modality": ([(9, None, np.ones(D))], 'not fitted on the modality "null"'),
    "zeros": ([(8, "text", 0 * np.ones(D)), (9, "text", 0 * np.ones(D))], "2 rows hold only zeros"),
    "another width": ([(9, "text", np.ones(D + 1))], f"1 rows have another width than {D}"),
}


@pytest.mark.parametrize("in_place", [False, True], ids=["added", "in place"])
@pytest.mark.parametrize(("rows", "message"), ROWS_REFUSED.values(), ids=ROWS_REFUSED)
def test_rows_that_cannot_be_closed_end_it_all(database, rows, message, in_place):
    database.execute("CREATE TABLE items (id int, kind text, embedding vector)")
    insert(database, rows_of(6) + rows)
    target = "embedding" if in_place else "embedding_closed"
    assert message in refusal(database, script(FULL, target_column=target))


@pytest.mark.parametrize("in_place", [False, True], ids=["added", "in place"])
def test_a_row_that_loses_its_direction_ends_it_all(database, in_place):
    space = Embeddings({"image": gapped()["image"], "text": np.ones((30, D))})
    closer = Centering().fit(space)
    fill(database, [*rows_of(2, ("image",)), (2, "text", 7 * np.ones(D))])
    target = "embedding" if in_place else "embedding_closed"
    message = refusal(database, script(closer, target_column=target))
    assert message == "no direction is left of a vector: the closer takes it to the origin"


def test_a_table_that_is_not_there_is_named(database):
    database.execute("CREATE SCHEMA IF NOT EXISTS apart")
    assert refusal(database, script(CENTERING, table="apart.items")) == (
        'there is no table "apart.items"'
    )


def test_pgvector_out_of_reach_is_said(database):
    fill(database, rows_of(2))
    database.execute("SET search_path = pg_catalog")
    message = refusal(database, script(CENTERING, schema="public"))
    database.execute("SET search_path = public")
    assert message.startswith("pgvector 0.7 or later is needed")


@pytest.mark.parametrize("halfvec", [False, True])
def test_the_hints_at_its_end_work(database, halfvec):
    closer, rows = Mapped("narrow").fit(gapped()), rows_of(40)
    fill(database, rows)
    sql = script(closer, halfvec=halfvec)
    database.execute(sql)
    index, query = (line[5:] for line in sql.splitlines() if line.startswith("--   "))
    database.execute(index)
    database.execute("SET enable_seqscan = off")
    asked = query.replace("$1", f"'{vector(rows[0][2])}'").replace("SELECT *", "SELECT id", 1)
    plan = "\n".join(line for (line,) in database.execute(f"EXPLAIN {asked}"))
    assert "Index Scan" in plan
    closed = expected(closer, rows)
    nearest = np.argsort(-(closed @ closed[0]))[:10].tolist()
    found = [number for (number,) in database.execute(asked)]
    database.execute("SET enable_seqscan = on")
    assert found[0] == 0
    assert len(set(found) & set(nearest)) >= 9  # of 10; an index may miss one


def test_a_width_that_hnsw_does_not_take_is_said():
    class Long(Centering):
        def as_affine(self, modality):
            return Affine(np.eye(2001, D), np.zeros(2001))

    closer = Long().fit(gapped())
    assert "hnsw takes at most 2000 dimensions of a vector" in script(closer)
    assert "USING hnsw" in script(closer, halfvec=True)


class Uneven(Centering):
    def as_affine(self, modality):
        return Affine(np.eye(len(modality), D), np.zeros(len(modality)))


class Curved(Centering):
    def as_affine(self, modality):
        raise InputError("a closer of kind 'curved' is not one affine map")


class Large(Centering):
    def as_affine(self, modality):
        return Affine(np.ones((16_001, D)), np.zeros(16_001))


REFUSED = {
    "no modality": (lambda: script(CENTERING, modality_column=None), "which modality the rows"),
    "both": (lambda: script(CENTERING, modality="text"), "give either modality"),
    "unknown modality": (
        lambda: script(CENTERING, modality="audio", modality_column=None),
        "not fitted on a modality 'audio'; it knows image, text",
    ),
    "unknown modality in values": (
        lambda: script(CENTERING, values={"audio": "a"}),
        "not fitted on a modality 'audio'",
    ),
    "values without a column": (
        lambda: script(CENTERING, modality="text", modality_column=None, values={"text": "t"}),
        "values say how modality_column writes",
    ),
    "values that coincide": (
        lambda: script(CENTERING, values={"text": "image"}),
        "image is 'image', text is 'image'",
    ),
    "not affine": (lambda: script(Curved().fit(gapped())), "not one affine map"),
    "not fitted": (lambda: script(Centering()), "not fitted"),
    "several widths": (lambda: script(Uneven().fit(gapped())), "image to 5, text to 4"),
    "too wide": (lambda: script(Large().fit(gapped())), "at most 16000 dimensions"),
    "empty name": (lambda: script(CENTERING, table=""), "1 to 63 bytes; found 0"),
    "long name": (lambda: script(CENTERING, column="é" * 32), "found 64"),
    "long name of the target": (lambda: script(CENTERING, column="c" * 60), "found 67"),
    "long name of a function": (lambda: script(CENTERING, prefix="p" * 60), "found 66"),
    "line break": (lambda: script(CENTERING, table="a\nb"), "control characters"),
    "null character": (lambda: script(CENTERING, modality_column="a\0"), "null character"),
    "null character in a value": (lambda: script(CENTERING, values={"text": "\0"}), "null char"),
    "half a character": (lambda: script(CENTERING, table="\ud800"), "no valid Unicode"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_misuse_is_refused(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_numbers_than_sql_should_hold_are_refused(monkeypatch):
    monkeypatch.setattr("isthmus.deploy.sql.MAX_ENTRIES", 2 * D * D - 1)
    with pytest.raises(InputError, match=f"hold {2 * D * D} numbers, too many"):
        script(FULL)
    assert script(CENTERING)


def test_numbers_are_read_back_as_they_were():
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint32)
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    found = np.array(vector(values)[1:-1].split(","), dtype=np.float32)
    np.testing.assert_array_equal(found, values)


@given(st.text())
def test_a_block_s_quotes_do_not_occur_in_it(body):
    tag, _, rest = block(body + "$isthmus$ $isthmus_$").partition("\n")
    assert rest.rpartition("\n")[2] == tag
    assert tag not in rest.rpartition("\n")[0]
