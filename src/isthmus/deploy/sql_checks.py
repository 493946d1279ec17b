"""What `pgvector_sql` checks before it writes."""

from __future__ import annotations

# ruff: noqa: S608  # every name goes through `identifier`, every text through `literal`
from .sql_column import CLOSED, Column, Functions
from .sql_names import block, literal


def refuse(where: Column, functions: Functions, width: int) -> str:
    """Ends the transaction unless every row can be closed and none is closed already."""
    signatures = ", ".join(literal(f"{name}(vector)") for name in functions.of.values())
    kind = strange = "NULL::text"
    if where.modality is not None:
        kind = f"{where.modality}::text"
        known = ", ".join(literal(text) for text in where.spoken.values())
        strange = f"min(coalesce(m, 'null')) FILTER (WHERE m IS NULL OR m NOT IN ({known}))"
    body = f"""#variable_conflict use_column
DECLARE
  seen text;
  other_width bigint;
  zeros bigint;
BEGIN
  IF to_regprocedure('l2_normalize(vector)') IS NULL THEN
    RAISE EXCEPTION 'pgvector 0.7 or later is needed, in a schema of the search_path';
  END IF;
  IF to_regclass({literal(where.table)}) IS NULL THEN
    RAISE EXCEPTION USING MESSAGE = {literal(f"there is no table {where.table}")},
      HINT = 'A schema is given apart from the table.';
  END IF;
  LOCK TABLE {where.table} IN SHARE ROW EXCLUSIVE MODE;
  {comment_of(where, where.open_name)}
  IF seen LIKE {literal(f"%{CLOSED}%")} THEN
    RAISE EXCEPTION USING DETAIL = seen,
      MESSAGE = {literal(f"column {where.open} holds closed vectors already")};
  END IF;{"" if where.in_place else _refuse_target(where)}
  SELECT string_agg(f, ', ') INTO seen FROM unnest(ARRAY[{signatures}]) AS f
    WHERE to_regprocedure(f) IS NOT NULL AND {literal(functions.closer)}
      IS DISTINCT FROM obj_description(to_regprocedure(f), 'pg_proc');
  IF seen IS NOT NULL THEN
    RAISE EXCEPTION 'another closer, or nobody known, made %', seen
      USING HINT = 'Choose another prefix, or drop them.';
  END IF;
  SELECT count(*) FILTER (WHERE vector_dims(v) <> {width}),
    count(*) FILTER (WHERE vector_norm(v) = 0), {strange}
    INTO other_width, zeros, seen
    FROM (SELECT {where.open}::vector AS v, {kind} AS m FROM {where.table}) AS every_row
    WHERE v IS NOT NULL;
  IF other_width > 0 THEN
    RAISE EXCEPTION '% rows have another width than {width}', other_width;
  ELSIF zeros > 0 THEN
    RAISE EXCEPTION '% rows hold only zeros, which have no direction', zeros;
  ELSIF seen IS NOT NULL THEN
    RAISE EXCEPTION 'the closer was not fitted on the modality "%"', seen USING HINT =
      {literal("It knows " + ", ".join(where.spoken.values()) + ".")};
  END IF;
END"""
    return f"DO {block(body)};"


def comment_of(where: Column, name: str) -> str:
    """Puts the comment of a column into `seen`; null where there is none."""
    return f"seen := (SELECT col_description(attrelid, attnum) {_column(where, name)});"


def _column(where: Column, name: str) -> str:
    return (
        f"FROM pg_attribute WHERE attrelid = to_regclass({literal(where.table)})\n"
        f"    AND attname = {literal(name)} AND NOT attisdropped"
    )


def _refuse_target(where: Column) -> str:
    """Ends the transaction if the target is there and was not filled by this closer."""
    return f"""
  {comment_of(where, where.target_name)}
  IF seen IS DISTINCT FROM {literal(where.mark)} AND EXISTS (
    SELECT {_column(where, where.target_name)}) THEN
    RAISE EXCEPTION USING DETAIL = coalesce(seen, 'It has no mark of this closer.'),
      MESSAGE = {literal(f"column {where.target} exists and holds something else")},
      HINT = 'Choose another target column, or drop it.';
  END IF;"""
