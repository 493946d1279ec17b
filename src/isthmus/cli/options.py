"""Arguments and options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[
    list[str],
    typer.Argument(
        help="A folder with one NAME.npy per modality; a file (.npz, .parquet, .arrow, .feather, "
        ".safetensors, .pt); a folder of clip-retrieval, a saved Hugging Face dataset or a "
        "LanceDB table; or NAME=FILE or NAME=FILE:COLUMN for each modality.",
        show_default=False,
    ),
]
Modalities = Annotated[
    str | None,
    typer.Option(help="The arrays to take, comma-separated: image,text.", show_default="all 2-D"),
]
Groups = Annotated[
    list[str] | None,
    typer.Option(
        help="Group ids, by which rows match: an array or column of the source, a FILE (.npy, "
        ".txt, .csv, .json, .parquet …) or FILE:COLUMN; for one modality as NAME=…",
        show_default="row i matches row i",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        help="Classes of the rows, for V-measure and kNN; given like --groups.",
        show_default="none",
    ),
]
Attributes = Annotated[
    list[str] | None,
    typer.Option(
        help="A boolean attribute of the rows, for MOAD beside --labels; named_X: whether the "
        "caption names attribute X. Given like --groups.",
        show_default="none",
    ),
]
Html = Annotated[
    str | None, typer.Option(help="Write the report to this page.", show_default=False)
]
Json = Annotated[
    str | None, typer.Option("--json", help="Write the numbers to this file.", show_default=False)
]
Seed = Annotated[int, typer.Option(help="Seed of everything that is random.")]


def check_outputs(*paths: str | Path | None) -> None:
    """An error before the work, not after it, if a file could not be written."""
    from ..files import check_writable

    for path in paths:
        if path is not None:
            check_writable(Path(path).parent)


def split_names(names: str | None) -> list[str] | None:
    """The parts of a comma-separated option."""
    return None if names is None else [name.strip() for name in names.split(",") if name.strip()]
