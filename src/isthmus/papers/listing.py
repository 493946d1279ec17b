"""The list of a paper's artefacts: what each needs, and whether it was run."""

from __future__ import annotations

from pathlib import Path

from ..report.detail import Detail
from .artefact import Artefact, Paper, Planned
from .reproduce import finished
from .result import Result
from .setting import SCALES
from .tables import DASH


def listing(paper: Paper, out: Path) -> Detail:
    """A table of the paper's artefacts; `out` is searched for results, subfolders included.

    Of several results of an artefact, that of the largest scale.
    """
    found: dict[str, Result] = {}
    damaged: dict[str, str] = {}
    for folder in (out, *sorted(path for path in out.glob("*") if path.is_dir())):
        results, unreadable = finished(folder)
        damaged |= unreadable
        for path, result in results.items():
            if path not in found or _rank(result) >= _rank(found[path]):
                found[path] = result
    states = dict.fromkeys(damaged, "cannot be read")
    states |= {path: _state(result) for path, result in found.items()}
    return Detail(
        f"{paper.name}: {paper.title}",
        [f"{paper.name}/", "what", "data", "minutes: quick, cpu, GPU", "run"],
        [_row(artefact, states) for artefact in paper.artefacts],
        "Minutes of two cores with three seeds; those on a GPU (--scale paper) are estimates.",
        prose=True,
    )


def _row(artefact: Artefact | Planned, states: dict[str, str]) -> list[str]:
    minutes = artefact.needs.minutes
    times = [f"{minutes[scale]:g}" if scale in minutes else DASH for scale in SCALES]
    is_planned = isinstance(artefact, Planned)
    return [
        artefact.name,
        artefact.title,
        ", ".join(artefact.needs.data) or DASH,
        DASH if is_planned else " / ".join(times),
        artefact.why if isinstance(artefact, Planned) else states.get(artefact.path, "not run"),
    ]


def _rank(result: Result) -> int:
    return SCALES.index(result.scale)


def _state(result: Result) -> str:
    """Scale, and how many claims hold."""
    judged = [verdict.holds for verdict in result.verdicts if verdict.holds is not None]
    claims = f": {sum(judged)} of {len(judged)} claims hold" if judged else ""
    return f"{result.scale}{claims}"
