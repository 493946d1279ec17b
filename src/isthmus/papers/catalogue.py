"""All tables and figures of the three papers, by name."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from ..errors import InputError
from .artefact import Artefact, Paper, Planned
from .closing_gap import CLOSING_GAP
from .comm.catalogue import COMM
from .planned import TWO_EFFECTS

PAPERS: Sequence[Paper] = (CLOSING_GAP, COMM, TWO_EFFECTS)


def find(target: str | None) -> list[Artefact]:
    """The artefacts of PAPER or PAPER/NAME, or all of them for None, but for those to come.

    PAPER/table1 are all whose names begin with table1 and a hyphen, if none has that name alone.

    Raises
    ------
    InputError
        No such paper or artefact, or one that is not there yet.

    Examples
    --------
    >>> [artefact.path for artefact in find("closing-gap/theory")]
    ['closing-gap/theory']
    """
    every = [artefact for paper in PAPERS for artefact in paper.artefacts]
    if target is None:
        return [a for a in every if isinstance(a, Artefact)]
    papers = {paper.name: paper for paper in PAPERS}
    asked = target.strip("/")
    wanted = [a for a in every if asked in (a.path, a.paper)]
    paper, _, name = asked.partition("/")
    wanted = wanted or [a for a in every if a.paper == paper and _is(a, name)]
    if not wanted:
        names = [*papers, *(a.path for a in every)]
        paths = {
            a.path if a.name == asked else f"{a.paper}/{asked}" for a in every if _is(a, asked)
        }
        close = sorted(paths) or get_close_matches(target, names, n=1, cutoff=0.5)
        meant = " or ".join(f"'{name}'" for name in close)
        hint = f"did you mean {meant}?" if close else f"papers are {', '.join(papers)}"
        raise InputError(
            f"there is no paper or artefact '{target}'; {hint} (isthmus reproduce lists them all)"
        )
    found = [a for a in wanted if isinstance(a, Artefact)]
    if not found:
        planned = [a for a in wanted if isinstance(a, Planned)]
        raise InputError(f"{target} cannot be run: {planned[0].why}")
    return found


def _is(artefact: Artefact | Planned, name: str) -> bool:
    """Whether a name is an artefact's, or that of a figure or table of which it is a part."""
    return artefact.name == name or (bool(name) and artefact.name.startswith(f"{name}-"))
