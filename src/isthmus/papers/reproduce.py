"""Run artefacts, judge their claims, and write what they came to."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..errors import InputError
from ..files import atomic_write, check_writable
from .artefact import Artefact, Outcome
from .bench import CELLS, Bench
from .catalogue import PAPERS
from .cell import Cell
from .machine import machine
from .page import artefact_page, markdown, summary_page
from .result import OUTCOME, PAGE, RESULTS, TABLE, Result, write_results
from .setting import Setting
from .together import train_together

INDEX = "index.html"


def reproduce(
    artefacts: Sequence[Artefact],
    setting: Setting,
    out: Path | str,
    *,
    resume: bool = False,
    jobs: int = 1,
    console: Console | None = None,
) -> tuple[list[Result], dict[str, str]]:
    """Run artefacts at a setting, and write `OUT/PAPER/NAME/` for each, and a summary.

    Every training is kept in `OUT/cells`, by the hash of its recipe: with `resume`, what is
    finished is taken from there and what was interrupted goes on; artefacts share what they have
    in common. With several `jobs`, as many are trained at a time, in processes of their own. The
    summary, `OUT/index.html`, `OUT/results.parquet` and `OUT/results.md`, is of all results in
    `OUT`, those of earlier runs too.

    Returns
    -------
    tuple
        The results, and for every artefact that could not be run the reason.

    Raises
    ------
    InputError
        `out` is not empty and `resume` is not asked for, or it holds something else; fewer than one
        job; no artefact could be run.
    """
    if jobs < 1:
        raise InputError(f"--jobs must be at least 1; found {jobs}")
    folder = _folder(Path(out), resume=resume)
    if jobs > 1:
        train_together(_cells(artefacts, setting), folder, jobs=jobs, console=console)
    results: list[Result] = []
    refused: dict[str, str] = {}
    for artefact in artefacts:
        if console is not None:
            title = Text(f"{artefact.path}: {artefact.title}")
            console.rule(title, align="left", style="dim")
        try:
            results.append(_run(artefact, setting, folder, console))
        except InputError as error:
            if len(artefacts) == 1:
                raise
            refused[artefact.path] = str(error)
            if console is not None:
                console.print(f"not run: {error}", markup=False, highlight=False, soft_wrap=True)
    if not results:
        reasons = "; ".join(f"{path}: {why}" for path, why in refused.items())
        raise InputError(f"nothing could be run: {reasons}")
    _write_summary(folder, {a.path: a for a in artefacts}, refused)
    return results, refused


def _cells(artefacts: Sequence[Artefact], setting: Setting) -> list[Cell]:
    """Those of all artefacts that can be run."""
    found: list[Cell] = []
    for artefact in artefacts:
        with suppress(InputError):  # which is told of in its turn
            artefact.needs.check(setting.scale, artefact.path)
            found += artefact.cells(setting)
    return found


def _run(artefact: Artefact, setting: Setting, out: Path, console: Console | None) -> Result:
    artefact.needs.check(setting.scale, artefact.path)
    started = time.perf_counter()
    trained = Bench(out, console).train(artefact.cells(setting))
    outcome = artefact.evaluate(setting, trained)
    seconds = time.perf_counter() - started
    told = [t.about for t in trained]  # of those that were trained in earlier runs too
    before = sum(about["seconds"] for about in told)
    machines = dict.fromkeys(about["machine"] for about in told) or [machine()]
    result = Result.of(
        artefact,
        setting,
        outcome,
        machine="; ".join(machines),
        seconds=round(max(seconds, before), 1),
    )
    _write(artefact, result, outcome, check_writable(out / artefact.path))
    return result


def _write(artefact: Artefact, result: Result, outcome: Outcome, folder: Path) -> None:
    artefact_page(artefact, result, outcome).write(folder / PAGE)
    write_results(folder / RESULTS, [result], {artefact.path: artefact})
    with atomic_write(folder / TABLE) as temporary:
        temporary.write_text(markdown(artefact, result, outcome), encoding="utf-8")
    result.save(folder)


def _write_summary(
    folder: Path, artefacts: Mapping[str, Artefact], refused: Mapping[str, str]
) -> None:
    every = [a for paper in PAPERS for a in paper.artefacts if isinstance(a, Artefact)]
    known = {**{a.path: a for a in every}, **artefacts}
    found, damaged = finished(folder)
    results = [found[path] for path in known if path in found]
    write_results(folder / RESULTS, results, known)
    summary_page(results, known, {**damaged, **refused}).write(folder / INDEX)
    with atomic_write(folder / TABLE) as temporary:
        temporary.write_text(_texts(folder, results), encoding="utf-8")


def _texts(folder: Path, results: Sequence[Result]) -> str:
    """The texts of all results as one, their headings a level lower."""
    texts = ["# Reproduced\n"]
    for result in results:
        with suppress(OSError):  # no text was left: the result itself is in the other files
            own = (folder / result.artefact / TABLE).read_text("utf-8")
            texts.append(re.sub(r"^#", "##", own, flags=re.MULTILINE))
    return "\n".join(texts)


def finished(out: Path | str) -> tuple[dict[str, Result], dict[str, str]]:
    """The results in a folder, by artefact; and of those that cannot be read, why."""
    found: dict[str, Result] = {}
    damaged: dict[str, str] = {}
    for path in sorted(Path(out).glob(f"*/*/{OUTCOME}")):
        try:
            result = Result.load(path.parent)
            found[result.artefact] = result
        except InputError as error:
            damaged["/".join(path.parts[-3:-1])] = str(error)
    return found, damaged


def _folder(out: Path, *, resume: bool) -> Path:
    if out.is_dir() and _held(out):
        if not resume:
            raise InputError(
                f"the folder {out} is not empty: --resume takes over what it holds and goes on, "
                "--out names another folder"
            )
        if not (out / CELLS).is_dir() and not (out / RESULTS).exists():
            raise InputError(f"there is no reproduction in {out} to resume: it has no {CELLS}")
    check_writable(out / CELLS)
    return out


def _held(out: Path) -> bool:
    """Whether there is more in a folder than a run leaves that was refused: a place for cells."""
    cells = out / CELLS
    begun = cells.is_dir() and any(not path.name.startswith(".") for path in cells.iterdir())
    return begun or any(path != cells or not path.is_dir() for path in out.iterdir())
