"""`isthmus doctor SOURCE`: what is wrong with the data?"""

from __future__ import annotations

import typer

from .options import Groups, Labels, Modalities, Source, split_names

_MARKS = {"error": "[bold red]error[/]", "warning": "[yellow]warning[/]", "note": "[dim]note[/]"}


def doctor(
    source: Source,
    modalities: Modalities = None,
    groups: Groups = None,
    labels: Labels = None,
) -> None:
    """Say what is wrong with embeddings, where, and what to do. Exits with 1 on errors."""
    from rich.console import Console
    from rich.markup import escape

    from ..doctor import diagnose
    from ..readers import read_raw

    raw = read_raw(
        *source, modalities=split_names(modalities), groups=groups or (), labels=labels or ()
    )
    findings = diagnose(raw.arrays, groups=raw.groups, labels=raw.labels)
    console = Console()
    for name, array in raw.arrays.items():
        console.print(f"{escape(name)}: {array.shape} {array.dtype}", highlight=False)
    for finding in findings:
        console.print(
            f"{_MARKS[finding.severity]} {escape(finding.where)}: {escape(finding.problem)}",
            highlight=False,
        )
        console.print(f"    → {escape(finding.remedy)}", highlight=False)
    errors = sum(finding.severity == "error" for finding in findings)
    console.print(
        "Nothing is wrong." if not findings else f"{len(findings)} findings, {errors} errors."
    )
    if errors:
        raise typer.Exit(1)
