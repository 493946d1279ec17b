"""`isthmus close SOURCE`: choose a transform that closes the gap, fit it, and apply it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..progress import steps
from .options import Attributes, Groups, Labels, Modalities, Seed, Source, split_names
from .progress import progress_bar
from .show import show, show_detail, tell, tell_drift

if TYPE_CHECKING:
    from ..closers import Closer
    from ..closers.selection import Choice, Trials
    from ..embeddings import Embeddings

    Make = Callable[[], Closer]
    Methods = Mapping[str, Make]

AUTO = "auto"


def close(
    source: Source,
    out: Annotated[
        Path,
        typer.Option(help="Folder for closer.safetensors, choice.json and the closed vectors."),
    ],
    method: Annotated[
        str,
        typer.Option(
            help="auto tries all and takes the one that held-out groups favour; or a method, with "
            "parameters and several in a row: centering, ridge:strength=0.1, centering+procrustes."
        ),
    ] = AUTO,
    purpose: Annotated[
        Literal["search", "clustering", "classification"],
        typer.Option("--for", help="What auto looks at; the last two need --labels."),
    ] = "search",
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="auto tries what takes minutes, too: a learned map."),
    ] = False,
    tolerance: Annotated[
        float, typer.Option(help="R@1 across modalities that auto may give away.")
    ] = 0.05,
    fit_on: Annotated[
        list[str] | None,
        typer.Option(
            help="Fit on this source instead: a folder or file, or NAME=FILE for each modality. "
            "Methods that need no pairs take modalities with rows of their own.",
            show_default=False,
        ),
    ] = None,
    unpaired: Annotated[
        bool,
        typer.Option(
            "--unpaired", help="No rows are known to match: for methods that need no pairs."
        ),
    ] = False,
    modalities: Modalities = None,
    groups: Groups = None,
    labels: Labels = None,
    attributes: Attributes = None,
    seed: Seed = 0,
) -> None:
    """Close the modality gap of embeddings after the fact, and show what it buys."""
    from ..deploy.apply import apply
    from ..errors import InputError
    from ..files import check_writable, write_together
    from ..readers import read_embeddings
    from ..report.artefacts import json_writer
    from ..report.trials_table import trials_record

    if out.suffix in (".parquet", ".lance", ".safetensors"):
        raise InputError(f"--out is a folder, which holds the closer too; found {out}")
    methods = _methods(method, unpaired=unpaired, thorough=thorough)
    names = split_names(modalities)
    groups, labels, attributes = groups or [], labels or [], attributes or []
    with progress_bar():
        space = _read(source, names, unpaired, groups, labels, attributes)
        calibration = _read(fit_on, list(space.names), unpaired) if fit_on else space
    check_writable(out)
    trials: Trials | None = None
    choice: Choice | None = None
    if method == AUTO:
        trials, choice = _choose(calibration, methods, purpose, tolerance, seed)
        if choice.method is None:
            tell(["Nothing is written: the vectors are better left as they are."])
            raise typer.Exit(1)
        method = choice.method
    with progress_bar():
        closer = methods[method]().fit(calibration)
    if choice is None and not unpaired:
        trials = _judge(calibration, methods, purpose, seed)
    with progress_bar(), tell_drift():
        names = list(space.names)
        apply(closer, source, out, modalities=names, groups=groups, labels=labels, fresh=True)
    record = {} if trials is None else trials_record(trials, choice)
    chosen = {"method": method, **record}
    write_together(
        {out / "closer.safetensors": closer.save, out / "choice.json": json_writer(chosen)}
    )
    if fit_on and not unpaired:
        _show_both(space, read_embeddings(out, modalities=names), seed)
    vectors = ", ".join(f"{name}.npy" for name in names)
    tell([f"Written to {out}: closer.safetensors, choice.json, {vectors}"])


def _read(
    source: list[str],
    names: list[str] | None,
    unpaired: bool,
    groups: Sequence[str] = (),
    labels: Sequence[str] = (),
    attributes: Sequence[str] = (),
) -> Embeddings:
    from ..embeddings import Embeddings
    from ..readers import read_embeddings, read_raw
    from ..readers.read import named_source

    if not unpaired:
        return read_embeddings(
            *source, modalities=names, groups=groups, labels=labels, attributes=attributes
        )
    raw = read_raw(*source, modalities=names, labels=labels)
    with named_source(source):
        return Embeddings(raw.arrays, labels=raw.labels, unpaired=True)


def _methods(method: str, *, unpaired: bool, thorough: bool) -> dict[str, Make]:
    """Name → function that makes the closer: all that auto tries, or the one that is named."""
    from ..closers import make_closer
    from ..closers.selection import CANDIDATES, SLOW
    from ..errors import InputError

    made: dict[str, Make] = {}
    tried = (*CANDIDATES, *(SLOW if thorough else ()))
    for name in tried if method == AUTO else (method,):
        made[name] = partial(make_closer, name)
        pairs = made[name]().pairs  # an unknown name is an error before anything is read
    if unpaired and (method == AUTO or pairs):
        what = "compares methods on pairs" if method == AUTO else "learns from pairs"
        raise InputError(
            f"--method {method} {what}, which --unpaired has none of: give group ids, or name a "
            "method that needs no pairs, such as centering or whitening"
        )
    return made


def _choose(
    calibration: Embeddings, methods: Methods, purpose: str, tolerance: float, seed: int
) -> tuple[Trials, Choice]:
    """Try all methods on held-out groups, show what they score, and take one."""
    from ..closers.selection import check_purpose, choose, cross_validate

    check_purpose(calibration, purpose, tolerance)
    with progress_bar():
        trials = cross_validate(calibration, methods, seed=seed)
    _show_trials(trials, purpose)
    choice = choose(trials, list(methods), purpose=purpose, tolerance=tolerance)
    tell(choice.reasons)
    return trials, choice


def _judge(calibration: Embeddings, methods: Methods, purpose: str, seed: int) -> Trials | None:
    """What the method that was named scores on held-out groups; None if they are too few."""
    from ..closers.selection import cross_validate
    from ..errors import InputError

    try:
        with progress_bar():
            trials = cross_validate(calibration, methods, seed=seed)
    except InputError as error:
        tell([f"Not judged on held-out groups: {error}."])
        return None
    _show_trials(trials, purpose)
    tell(f"{name}: {why}" for name, why in trials.refused.items())
    return trials


def _show_trials(trials: Trials, purpose: str) -> None:
    from ..closers.selection import OPEN
    from ..report.trials_table import trials_table

    show_detail(trials_table(trials, purpose=purpose, first=[OPEN]))


def _show_both(before: Embeddings, closed: Embeddings, seed: int) -> None:
    """The table of the source as it is and closed, by a closer that has not seen it."""
    from ..metrics.measure import measure
    from ..report import compare

    found = {}
    with progress_bar(), steps({"before": 1, "closed": 1}) as step:
        for name, embeddings in (("before", before), ("closed", closed)):
            with step(name):
                found[name] = measure(embeddings, seed=seed)
    show(found, compare("before", found["before"], "closed", found["closed"]))
