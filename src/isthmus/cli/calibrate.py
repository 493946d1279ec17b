"""`isthmus calibrate SOURCE`: which cosine is a match?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import (
    Groups,
    Html,
    Json,
    Modalities,
    Seed,
    Source,
    check_outputs,
    split_names,
)
from .progress import progress_bar
from .show import show_detail, tell, tell_drift

if TYPE_CHECKING:
    from ..calibration import CutOff, ScoreCalibration, Target

_DEFAULT = 0.9  # recall and precision, where nothing is stated
_FALSE_POSITIVES = 0.01


def calibrate(
    source: Source,
    out: Annotated[Path, typer.Option(help="Write the calibration to this safetensors file.")],
    closer: Annotated[
        Path | None,
        typer.Option(help="Close the vectors with this saved closer first.", show_default=False),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(help="Where to cut for this precision.", show_default="0.9"),
    ] = None,
    recall: Annotated[
        float | None,
        typer.Option(help="Where to cut for this recall.", show_default="0.9"),
    ] = None,
    false_positives: Annotated[
        float | None,
        typer.Option(
            help="Where to cut so that this share of the pairs that do not match passes.",
            show_default="0.01, without known matches",
        ),
    ] = None,
    candidates: Annotated[
        int | None,
        typer.Option(
            help="One match among so many candidates: what probabilities and precision are for.",
            show_default="the share of matches in SOURCE",
        ),
    ] = None,
    unpaired: Annotated[
        bool,
        typer.Option(
            "--unpaired", help="No rows are known to match: z-scores and false positives alone."
        ),
    ] = False,
    method: Annotated[
        str,
        typer.Option(help="Map from score to log odds: logistic, or isotonic for much data."),
    ] = "logistic",
    modalities: Modalities = None,
    groups: Groups = None,
    html: Html = None,
    json: Json = None,
    seed: Seed = 0,
) -> None:
    """Learn from known pairs what a cosine means: probabilities and cut-offs per type of pair."""
    from rich.console import Console

    from .. import __version__
    from ..calibration import ScoreCalibration, Target
    from ..closers import load_closer
    from ..errors import InputError
    from ..files import Writers, write_together
    from ..readers import read_embeddings, read_raw
    from ..report.artefacts import json_writer
    from ..report.calibration import (
        calibration_content,
        calibration_findings,
        calibration_report,
    )
    from ..report.calibration_tables import cuts_table, scores_table

    if candidates is not None and candidates < 2:
        raise InputError(f"--candidates counts at least two; found {candidates}")
    if unpaired and (groups or candidates or precision or recall):
        raise InputError(
            "--unpaired knows no matches: leave out --groups, --candidates, --precision and "
            "--recall, and state --false-positives"
        )
    if out.is_dir():
        raise InputError(f"--out is a file, such as calibration.safetensors; {out} is a folder")
    check_outputs(out, json, html)
    targets = _targets(precision, recall, false_positives)
    unmatched_target = Target.of(false_positives=false_positives or _FALSE_POSITIVES)
    fitted_closer = None if closer is None else load_closer(closer)
    names = split_names(modalities)
    with progress_bar(), tell_drift():
        if unpaired:
            calibration = ScoreCalibration.fit_unmatched(
                read_raw(*source, modalities=names).arrays, closer=fitted_closer, seed=seed
            )
        else:
            calibration = ScoreCalibration.fit(
                read_embeddings(*source, modalities=names, groups=groups or ()),
                closer=fitted_closer,
                method=method,
                prior=None if candidates is None else 1 / candidates,
                seed=seed,
            )
        cuts, refused = _cuts(calibration, targets, unmatched_target)
    writers: Writers = {out: calibration.save}
    if json is not None:
        content = {"isthmus": __version__, **calibration_content(calibration, cuts)}
        writers = {**writers, Path(json): json_writer(content)}
    if html is not None:
        subtitle = " · ".join(Path(part).name for part in source)
        page = calibration_report(calibration, cuts, subtitle=subtitle)
        writers = {**writers, Path(html): page.write}
    write_together(writers)
    for table in (scores_table(calibration), cuts_table(cuts)):
        show_detail(table)
    tell([*calibration_findings(calibration, cuts), *refused])
    Console().print(f"Written to {out}", highlight=False, markup=False)


def _targets(
    precision: float | None, recall: float | None, false_positives: float | None
) -> list[Target]:
    """What is stated; 0.9 of recall and of precision where nothing is."""
    from ..calibration import Target

    if precision is None and recall is None and false_positives is None:
        precision = recall = _DEFAULT
    return [
        *([] if recall is None else [Target.of(recall=recall)]),
        *([] if precision is None else [Target.of(precision=precision)]),
        *([] if false_positives is None else [Target.of(false_positives=false_positives)]),
    ]


def _cuts(
    calibration: ScoreCalibration, targets: list[Target], unmatched: Target
) -> tuple[list[CutOff], list[str]]:
    """Cut-offs of all scores, and which could not be had; an error if that is all of them."""
    from ..errors import InputError
    from ..report.calibration_tables import pair_type_name

    cuts: list[CutOff] = []
    refused: list[str] = []
    for (first, second, score), learned in calibration.learned.items():
        for target in targets if learned.prior is not None else [unmatched]:
            try:
                cuts.append(calibration.cut_off_for(first, second, target, score=score))
            except InputError as error:
                refused.append(f"{pair_type_name((first, second), score)}, {score}: {error}")
    if refused and not any(cut.target in targets for cut in cuts):
        raise InputError(refused[0])
    return cuts, refused
