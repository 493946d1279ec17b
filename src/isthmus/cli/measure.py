"""`isthmus measure SOURCE`: what is the gap, and what does it cost?"""

from __future__ import annotations

from pathlib import Path

from .options import Groups, Html, Json, Labels, Modalities, Seed, Source, split_names


def measure(
    source: Source,
    modalities: Modalities = None,
    groups: Groups = None,
    labels: Labels = None,
    html: Html = None,
    json: Json = None,
    seed: Seed = 0,
) -> None:
    """Measure the modality gap of embeddings, and what it costs."""
    from rich.console import Console

    from ..metrics.measure import measure as measure_embeddings
    from ..readers import read_sets
    from ..report import findings, rich_table, write_json

    sets = read_sets(
        *source, modalities=split_names(modalities), groups=groups or (), labels=labels or ()
    )
    measurements = {name: measure_embeddings(space, seed=seed) for name, space in sets.items()}
    sentences = [
        sentence
        for name, measurement in measurements.items()
        for sentence in findings(name if len(sets) > 1 else "", measurement)
    ]
    console = Console()
    console.print(rich_table(measurements))
    for sentence in sentences:
        console.print(f"• {sentence}", highlight=False, markup=False)
    if json is not None:
        write_json(json, measurements, findings=sentences)
    if html is not None:
        from ..report import Report, embedding_section

        Report(
            title="Modality gap report",
            subtitle=" · ".join(Path(part).name for part in source),
            findings=sentences,
            measurements=measurements,
            sections=[embedding_section(n, space, seed=seed) for n, space in sets.items()],
        ).write(html)
