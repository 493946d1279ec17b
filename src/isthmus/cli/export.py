"""`isthmus export CLOSER --to TARGET`: take the closed space into another stack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

TAKES: dict[str, tuple[str, ...]] = {
    "numpy": ("modality", "dtype"),
    "onnx": ("modality", "dtype"),
    "sql": (
        *("table", "column", "modality", "modality_column"),
        *("target_column", "schema", "prefix", "halfvec"),
    ),
    "torch": ("modality",),
    "open_clip": ("model", "pretrained", "image", "text"),
}
"""Target → its options."""

NEEDS: dict[str, tuple[str, ...]] = {"sql": ("table", "column"), "open_clip": ("model",)}

_Made = tuple[list[Path], list[str]]


def export(
    closer: Annotated[
        Path,
        typer.Argument(help="The closer's file, from `isthmus close`.", show_default=False),
    ],
    to: Annotated[
        str, typer.Option(help="numpy, onnx, sql, torch or open_clip.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder or file to write; sql without it goes to standard output.",
            show_default=False,
        ),
    ] = None,
    modality: Annotated[
        str | None, typer.Option(help="Only this modality's map.", show_default="all")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            help="numpy: of the files, float32 or float64. onnx: of the rows that the model "
            "takes, float32 or float16.",
            show_default="float32",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="open_clip: the architecture, or hf-hub:…", show_default=False),
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(help="open_clip: its weights, a tag or a file.", show_default=False),
    ] = None,
    image: Annotated[
        str | None,
        typer.Option(help="open_clip: modality of the image tower.", show_default="image"),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(help="open_clip: modality of the text tower.", show_default="text"),
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="sql: the table with the vectors.", show_default=False)
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="sql: the pgvector column.", show_default=False)
    ] = None,
    modality_column: Annotated[
        str | None,
        typer.Option(help="sql: the column that names each row's modality.", show_default=False),
    ] = None,
    target_column: Annotated[
        str | None,
        typer.Option(help="sql: the column for closed vectors.", show_default="COLUMN_closed"),
    ] = None,
    schema: Annotated[
        str | None, typer.Option(help="sql: of the table.", show_default="search_path")
    ] = None,
    prefix: Annotated[
        str | None,
        typer.Option(help="sql: start of the functions' names.", show_default="isthmus_close"),
    ] = None,
    halfvec: Annotated[
        bool, typer.Option("--halfvec", help="sql: closed vectors in half precision.")
    ] = False,
) -> None:
    """Write a closer as plain matrices, an ONNX model, SQL, a torch layer or a closed CLIP."""
    from rich.console import Console

    from ..closers import load_closer
    from ..files import check_writable

    given = {
        "modality": modality,
        "dtype": dtype,
        "model": model,
        "pretrained": pretrained,
        "image": image,
        "text": text,
        "table": table,
        "column": column,
        "modality_column": modality_column,
        "target_column": target_column,
        "schema": schema,
        "prefix": prefix,
        "halfvec": halfvec or None,
    }
    options = {name: value for name, value in given.items() if value is not None}
    _check_options(to, out, options)
    fitted = load_closer(closer)
    if to == "sql":
        _sql(fitted, out, options)
        return
    assert out is not None
    check_writable(out.parent)
    paths, code = _WRITE[to](fitted, out, options)
    console = Console()
    for line in ("Written: " + ", ".join(map(str, paths)), "Use:", *code):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _check_options(to: str, out: Path | None, options: dict[str, Any]) -> None:
    from ..errors import InputError

    if to not in TAKES:
        raise InputError(f"cannot export to '{to}'; there are: {', '.join(TAKES)}")
    if other := [name for name in options if name not in TAKES[to]]:
        raise InputError(
            f"{_flags(other)} is no option of --to {to}, which takes {_flags(TAKES[to])}"
        )
    if absent := [name for name in NEEDS.get(to, ()) if name not in options]:
        raise InputError(f"--to {to} needs {_flags(absent)}")
    if out is None and to != "sql":
        raise InputError(f"--to {to} needs --out, the place to write to")


def _flags(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)


def _sql(closer: Any, out: Path | None, options: dict[str, Any]) -> None:
    from ..deploy.sql import pgvector_sql
    from ..files import atomic_write

    statements = pgvector_sql(closer, **options)
    if out is None:
        typer.echo(statements)
        return
    with atomic_write(out) as temporary:
        temporary.write_text(statements, encoding="utf-8")
    typer.echo(f"Written: {out}\nUse:\npsql -v ON_ERROR_STOP=1 -f {out}")


def _numpy(closer: Any, out: Path, options: dict[str, Any]) -> _Made:
    from ..deploy.numpy_files import usage, write_numpy

    paths = write_numpy(closer, out, **options)
    return paths, [usage(out, options.get("modality", closer.names[0]))]


def _onnx(closer: Any, out: Path, options: dict[str, Any]) -> _Made:
    from ..deploy.onnx_model import usage, write_onnx

    paths = write_onnx(closer, out, **options)
    name = options.get("modality", closer.names[0])
    return paths, [usage(paths[0], name, options.get("dtype", "float32"))]


def _torch(closer: Any, out: Path, options: dict[str, Any]) -> _Made:
    _check_torch()
    from ..deploy.torch_module import usage, write_torch

    paths = write_torch(closer, out, **options)
    return paths, [usage(paths[0], options.get("modality", closer.names[0]))]


def _open_clip(closer: Any, out: Path, options: dict[str, Any]) -> _Made:
    _check_torch()
    from ..deploy.clip_file import usage, write_open_clip

    return write_open_clip(closer, out, **options), [usage(out, options["model"])]


def _check_torch() -> None:
    from ..errors import missing

    try:
        import torch  # noqa: F401
    except ImportError:
        raise missing("torch", extra="train") from None


_WRITE: dict[str, Callable[[Any, Path, dict[str, Any]], _Made]] = {
    "numpy": _numpy,
    "onnx": _onnx,
    "torch": _torch,
    "open_clip": _open_clip,
}
