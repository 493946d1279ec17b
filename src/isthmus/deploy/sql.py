"""A closer as SQL for PostgreSQL with pgvector: it closes a column where it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ..closers.affine import AffineMap
from ..closers.base import Closer
from ..errors import InputError
from .maps import affine_map
from .sql_checks import refuse
from .sql_column import Column, Functions
from .sql_names import identifier
from .sql_statements import fill, hints, make_functions

MAX_ENTRIES = 2**23
"""Numbers in all matrices together: about 100 MB of SQL."""

_WIDEST = 16_000  # of a pgvector column


def pgvector_sql(
    closer: Closer,
    *,
    table: str,
    column: str,
    modality: str | None = None,
    modality_column: str | None = None,
    values: Mapping[str, str] | None = None,
    target_column: str | None = None,
    schema: str | None = None,
    prefix: str = "isthmus_close",
    halfvec: bool = False,
) -> str:
    """SQL that fills a pgvector column with closed vectors, and makes functions for queries.

    One transaction: it checks every row, makes a function `PREFIX_MODALITY(vector)` for each
    modality that the closer knows, adds the target column, fills it, and marks it in the
    column's comment. The open column stays, unless it is the target. Run again, it closes
    the rows that have come since (whose target is null); what is closed is never closed
    twice. Null stays null. What `transform` refuses (zeros, a row of which no direction is
    left, a modality that the closer does not know) ends it, and nothing has changed.

    A diagonal map is one expression, l2_normalize(l2_normalize(x) * w + b). A full matrix goes
    into a table `PREFIX_matrices`. Both give what `transform` gives in single precision.

    Parameters
    ----------
    closer:
        Fitted, and affine.
    table, column:
        Where the open vectors are: a column of type vector, halfvec or real[]. Names are taken
        as they are, and quoted.
    modality, modality_column:
        One of the two: the modality of all rows, or the column that says it for each row.
    values:
        Modality → how `modality_column` writes it, for those it calls otherwise.
    target_column:
        Column for the closed vectors, `COLUMN_closed` if not given. If it is `column`, the
        open vectors are replaced, and indexes on them rebuilt.
    schema:
        Of the table and of all that is made; if not given, PostgreSQL's search_path decides.
    prefix:
        Start of the names that are made. Each closer needs its own in a schema.
    halfvec:
        Make the target a halfvec, of half the size and three digits.

    Raises
    ------
    InputError
        A closer that is not affine; neither or both of `modality` and `modality_column`; a
        modality that it was not fitted on; names that PostgreSQL cannot hold; more than 16000
        dimensions, or matrices of more than `MAX_ENTRIES` numbers.

    Notes
    -----
    Needs PostgreSQL 14 and pgvector 0.7, which brought l2_normalize. All rows are written
    once, while nobody else can use the table.

    Examples
    --------
    >>> import numpy as np
    >>> from isthmus import Embeddings
    >>> from isthmus.closers import Centering
    >>> closer = Centering().fit(Embeddings({"image": np.eye(3), "text": np.eye(3)}))
    >>> sql = pgvector_sql(closer, table="items", column="embedding", modality_column="kind")
    >>> [line for line in sql.splitlines() if "ADD COLUMN" in line]
    ['ALTER TABLE "items" ADD COLUMN IF NOT EXISTS "embedding_closed" vector(3);']
    """
    spoken = _spoken(closer, modality, modality_column, values)
    maps = {name: affine_map(closer, name) for name in closer.names}
    width = _common_width(maps)
    identity = f"isthmus {closer.kind} {_fingerprint(maps)}"
    where = Column(
        table=identifier(table, schema),
        open_name=column,
        target_name=f"{column}_closed" if target_column is None else target_column,
        modality=None if modality_column is None else identifier(modality_column),
        spoken=spoken,
        type=f"{'halfvec' if halfvec else 'vector'}({width})",
        closer=identity,
    )
    functions = Functions(
        closer=identity,
        of={name: identifier(f"{prefix}_{name}", schema) for name in maps},
        unit=identifier(f"{prefix}_unit", schema),
        affine=identifier(f"{prefix}_affine", schema),
        matrices=identifier(f"{prefix}_matrices", schema),
    )
    parts = [
        f"-- Closed vectors, by a closer of kind {closer.kind} of the package isthmus.\n"
        "-- PostgreSQL 14 and pgvector 0.7, or later.",
        "BEGIN;",
        refuse(where, functions, closer.dimension),
        *make_functions(functions, maps),
        fill(where, functions, maps),
        "COMMIT;",
        hints(where, functions, width),
    ]
    return "\n\n".join(parts) + "\n"


def _spoken(
    closer: Closer,
    modality: str | None,
    modality_column: str | None,
    values: Mapping[str, str] | None,
) -> dict[str, str]:
    """Modality → its text in the modality column, of those that rows may have."""
    if (modality is None) == (modality_column is None):
        raise InputError(
            "say which modality the rows are of: give either modality, for all of them, or "
            "modality_column, which says it for each"
        )
    for name in [*(values or {}), *([] if modality is None else [modality])]:
        closer.check_modality(name)
    if modality is not None:
        if values:
            raise InputError("values say how modality_column writes modalities; give that instead")
        return {modality: modality}
    spoken = {name: (values or {}).get(name, name) for name in closer.names}
    if len(set(spoken.values())) < len(spoken):
        raise InputError(
            "two modalities would have the same text in modality_column: "
            + ", ".join(f"{name} is '{text}'" for name, text in spoken.items())
        )
    return spoken


def _common_width(maps: Mapping[str, AffineMap]) -> int:
    widths = {name: len(found.bias) for name, found in maps.items()}
    if len(set(widths.values())) > 1:
        listed = ", ".join(f"{name} to {width}" for name, width in widths.items())
        raise InputError(f"one column cannot hold closed vectors of several widths: {listed}")
    width = next(iter(widths.values()))
    if width > _WIDEST:
        raise InputError(
            f"a pgvector column has at most {_WIDEST} dimensions; the closer gives {width}"
        )
    full = [m.matrix for m in maps.values() if m.matrix is not None and m.matrix.ndim == 2]
    if (entries := sum(matrix.size for matrix in full)) > MAX_ENTRIES:
        raise InputError(
            f"the closer's matrices hold {entries} numbers, too many for SQL (at most "
            f"{MAX_ENTRIES}): close the vectors with `isthmus apply` and load them instead"
        )
    return width


def _fingerprint(maps: Mapping[str, AffineMap]) -> str:
    """Sixteen letters that tell closers apart."""
    digest = hashlib.sha256()
    for name, found in maps.items():
        matrix = b"" if found.matrix is None else found.matrix.astype("<f4").tobytes()
        for part in (name.encode(), matrix, found.bias.astype("<f4").tobytes()):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()[:16]
