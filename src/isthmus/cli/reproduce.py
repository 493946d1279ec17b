"""`isthmus reproduce [PAPER | PAPER/ARTEFACT] …`: papers' tables and figures, run and judged."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..errors import InputError, missing
from ..processors import processors

if TYPE_CHECKING:
    from rich.console import Console

    from ..papers import Result
    from ..papers.setting import Scale

EVERY = "reproduced"

MOST_JOBS = 8
"""A training at the scale cpu takes about a gigabyte."""


def reproduce(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="Papers (closing-gap), or tables and figures of one "
            "(closing-gap/table1-av-mnist). Without any, lists them all.",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        Literal["cpu", "paper"],
        typer.Option(
            help="cpu: small encoders on real data, minutes on two cores; paper: the published "
            "setting, on a GPU."
        ),
    ] = "cpu",
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Embedded stand-in data, to see that it works; nothing is judged."
        ),
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="All papers.")] = False,
    seeds: Annotated[
        int | None,
        typer.Option(help="Seeds of every row.", show_default="3, with --quick 1"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for all that is made.", show_default="reproduced/…")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Take over what the folder holds, and go on."),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Trainings at a time, each with its share of the processors.",
            show_default="one for each processor, 8 at most; with --scale paper 1",
        ),
    ] = None,
    data_root: Annotated[
        Path | None,
        typer.Option(
            help="Where the data sets lie, or are downloaded to.",
            show_default="$ISTHMUS_DATA_ROOT or ~/.cache/isthmus/data",
        ),
    ] = None,
) -> None:
    """Reproduce the tables and figures of a paper: published and obtained, side by side."""
    from rich.console import Console

    console = Console()
    if not targets and not every:
        _list(console, out)
        return
    if targets and every:
        raise InputError(
            f"--all runs all papers, and '{targets[0]}' names one: leave one of them out"
        )
    if quick and scale == "paper":
        raise InputError("--quick and --scale paper are two scales: leave one of them out")
    from ..papers import Setting, find
    from ..papers import reproduce as run

    asked: list[str | None] = [*targets] if targets else [None]
    artefacts = list(dict.fromkeys(found for target in asked for found in find(target)))
    setting = Setting.of("quick" if quick else scale, seeds=seeds, data_root=data_root)
    names = dict.fromkeys((target or "all").strip("/").replace("/", "-") for target in asked)
    folder = out or Path(EVERY) / "+".join(names)
    _check_installed()
    at_once = _jobs(setting.scale) if jobs is None else jobs
    results, refused = run(artefacts, setting, folder, resume=resume, jobs=at_once, console=console)
    for result in results:
        _tell(console, result)
    for path, why in refused.items():
        _say(console, f"{path} was not run: {why}")
    _say(console, f"\nWritten to {folder}: index.html, results.parquet, and a folder for each")


def _jobs(scale: Scale) -> int:
    """Small models do not fill more than a processor; large ones share one GPU."""
    return 1 if scale == "paper" else min(processors(), MOST_JOBS)


def _check_installed() -> None:
    for package in ("lightning", "yaml"):
        if find_spec(package) is None:
            raise missing(package, extra="train")


def _list(console: Console, out: Path | None) -> None:
    """Every artefact of every paper: what it needs, and whether it was run in `out`."""
    from ..papers import PAPERS
    from ..papers.listing import listing
    from ..report.detail import rich_detail

    folder = Path(EVERY) if out is None else out
    for paper in PAPERS:
        console.print(rich_detail(listing(paper, folder)))
    _say(
        console,
        f"Results are sought in {folder}/; GPU is --scale paper. One: isthmus reproduce "
        "PAPER/NAME; all of a paper: isthmus reproduce PAPER; all papers: isthmus reproduce --all",
    )


def _tell(console: Console, result: Result) -> None:
    _say(console, f"\n{result.artefact} ({result.seconds / 60:.1f} minutes)")
    for verdict in result.verdicts:
        _say(console, f"• {verdict.id} {verdict.word}: {verdict.text} ({verdict.numbers})")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
