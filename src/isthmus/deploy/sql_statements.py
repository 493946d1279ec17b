"""The statements of `pgvector_sql`."""

# ruff: noqa: S608  # every name goes through `identifier`, every text through `literal`

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..closers.affine import AffineMap
from .maps import floor
from .sql_checks import comment_of
from .sql_column import Column, Functions
from .sql_names import block, literal, vector, vectors

_MOST_INDEXED = {"vector": 2_000, "halfvec": 4_000}  # dimensions, by hnsw


def make_functions(functions: Functions, maps: Mapping[str, AffineMap]) -> Iterator[str]:
    """One function per modality, and what they share."""
    yield f"""CREATE OR REPLACE FUNCTION {functions.unit}(y vector, shortest float8)
RETURNS vector LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path FROM CURRENT AS
{
        block('''BEGIN
  IF vector_norm(y) > shortest THEN RETURN l2_normalize(y); END IF;
  RAISE EXCEPTION 'no direction is left of a vector: the closer takes it to the origin';
END''')
    };"""
    if full := {name: found for name, found in maps.items() if _is_full(found)}:
        yield f"""CREATE OR REPLACE FUNCTION {functions.affine}(
  x vector, weights vector[], bias vector, shortest float8)
RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN {functions.unit}((SELECT ARRAY(SELECT inner_product(u.x, unnest(weights)))::vector + bias
  FROM (SELECT l2_normalize(x) AS x OFFSET 0) AS u), shortest);"""
        yield f"""CREATE TABLE IF NOT EXISTS {functions.matrices} (
  closer text, modality text, weights vector[] NOT NULL, bias vector NOT NULL,
  PRIMARY KEY (closer, modality));
ALTER TABLE {functions.matrices} ALTER COLUMN weights SET STORAGE EXTERNAL;"""
        for name, found in full.items():
            yield f"""INSERT INTO {functions.matrices} VALUES (
  {literal(functions.closer)}, {literal(name)},
  '{vectors(found.affine.matrix)}', '{vector(found.bias)}')
ON CONFLICT DO NOTHING;"""
    for name, found in maps.items():
        function = f"{functions.of[name]}(vector)"
        if name in full:
            steadiness, value = "STABLE", _stored_map("x", functions, name, found)
        else:
            scale = "" if found.matrix is None else f" * '{vector(found.matrix)}'::vector"
            image = f"l2_normalize(x){scale} + '{vector(found.bias)}'::vector"
            steadiness, value = "IMMUTABLE", f"{functions.unit}({image}, {floor(found):.9g})"
        yield f"""CREATE OR REPLACE FUNCTION {functions.of[name]}(x vector)
RETURNS vector LANGUAGE sql {steadiness} STRICT PARALLEL SAFE
RETURN {value};
COMMENT ON FUNCTION {function} IS {literal(functions.closer)};"""


def fill(where: Column, functions: Functions, maps: Mapping[str, AffineMap]) -> str:
    """The closed column and its mark."""
    x = f"{where.open}::vector"
    calls = {name: f"{functions.of[name]}({x})" for name in where.spoken}
    marked = f"{where.table}.{where.target}"
    if where.in_place:
        comment = literal(f"COMMENT ON COLUMN {marked.replace('%', '%%')} IS %L")
        body = f"""DECLARE seen text;
BEGIN
  {comment_of(where, where.open_name)}
  EXECUTE format({comment}, concat_ws('; ', seen, {literal(where.mark)}));
END"""
        return f"""ALTER TABLE {where.table} ALTER COLUMN {where.open} TYPE {where.type} USING (
  {where.choose(calls)}
)::{where.type};

DO {block(body)};"""
    # A matrix is fetched once here, not once for each row.
    calls |= {
        name: _stored_map(x, functions, name, maps[name], once=True)
        for name in where.spoken
        if _is_full(maps[name])
    }
    return f"""ALTER TABLE {where.table} ADD COLUMN IF NOT EXISTS {where.target} {where.type};

UPDATE {where.table} SET {where.target} = (
  {where.choose(calls)}
)::{where.type}
WHERE {where.target} IS NULL AND {where.open} IS NOT NULL;

COMMENT ON COLUMN {marked} IS {literal(where.mark)};"""


def hints(where: Column, functions: Functions, width: int) -> str:
    """What to do next, as a comment."""
    kind = where.type.partition("(")[0]
    asked, function = next(iter(functions.of.items()))
    cast = "" if kind == "vector" else f"::{where.type}"
    index = f"CREATE INDEX ON {where.table} USING hnsw ({where.target} {kind}_cosine_ops);"
    if width > _MOST_INDEXED[kind]:
        index = f"(hnsw takes at most {_MOST_INDEXED[kind]} dimensions of a {kind})"
    order = f"{where.target} <=> (SELECT {function}($1)){cast}"
    return f"""-- An index, where an approximate search will do:
--   {index}
-- A query by a vector $1 of modality {asked!r}, over all rows:
--   SELECT * FROM {where.table} ORDER BY {order} LIMIT 10;"""


def _is_full(found: AffineMap) -> bool:
    return found.matrix is not None and found.matrix.ndim == 2


def _stored_map(
    x: str, functions: Functions, name: str, found: AffineMap, *, once: bool = False
) -> str:
    """x under a matrix in the table; `once` brings it to memory once in a statement."""
    stored = functions.stored(name)
    weights = "weights || '{}'" if once else "weights"
    parts = f"(SELECT {weights} {stored}), (SELECT bias {stored})"
    return f"{functions.affine}({x}, {parts}, {floor(found):.9g})"
