"""`isthmus train RECIPE.yaml`: towers trained as a recipe says, and their gap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[Path, typer.Argument(help="What to train: a YAML file.", show_default=False)],
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Override a key: trainer.steps=500, objective.temperature=0.05. Repeatable.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the run.", show_default="runs/RECIPE")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder, if there is one.")
    ] = False,
) -> None:
    """Train encoders of several modalities into one space, as a recipe says."""
    from ..errors import missing

    try:
        import lightning  # noqa: F401
        import yaml  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as error:
        raise missing(str(error.name), extra="train") from None
    from rich.console import Console

    from ..training.recipe import Recipe
    from ..training.run import run
    from ..training.run_folder import EMBEDDINGS
    from .show import show

    checked = Recipe.load(recipe, overrides or ())
    if out is None:
        inside = resume and recipe.name == "recipe.yaml"
        out = recipe.parent if inside else Path("runs") / recipe.stem
    console = Console()
    measurement = run(checked, out, resume=resume, console=console)
    if measurement is not None:
        show({recipe.stem: measurement})
        console.print(
            f"Written to {out}. All numbers: isthmus measure {out / EMBEDDINGS}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
