"""Worlds of known information: what each method keeps of what is shared, unique, synergistic."""

from __future__ import annotations

from collections.abc import Sequence

from ...datasets.information_world import SHARED, SUITES, SYNERGY, UNIQUE
from ...report.page import Section
from ..artefact import Artefact, Outcome
from ..cell import Cell
from ..claims import Claim, Found
from ..setting import Needs, Setting
from ..trained import Trained
from ..values import Values
from .methods import COMM, CROSS, CROSS_SELF
from .world_probes import NUMBERS, of_symbols
from .worlds import (
    CMC_THREE,
    COMM_TWO,
    CONTROL,
    SIZES,
    THREE,
    TRIFEATURE,
    WORLDS,
    cells_of,
    row_of,
)
from .worlds_figure import kept, kept_by, shares

SYMBOLS, ALL, OFF = "symbols", "all", "bits off"

OF_TWO = [name for name, world in SUITES.items() if world.synergy > 1 and len(world.unique) == 2]
"""Worlds of two modalities that have synergy."""


def _symbols(values: Values) -> Found:
    accuracies = [
        (values.mean(row_of(name, SYMBOLS), part), 100 * world.ceiling(part))
        for name, world in SUITES.items()
        for part in world.parts
    ]
    error = max(abs(found - ceiling) for found, ceiling in accuracies)
    off = max(values.mean(row_of(name, SYMBOLS), OFF) for name in SUITES)
    return Found(
        error <= 2 and off <= 0.05,
        f"accuracies at most {error:.1f} points, information {off:.3f} bits off",
    )


def _range(values: Values, method: str, kind: str) -> tuple[float, float]:
    """Least and most that a method keeps of a kind of information, over worlds that have it."""
    found = [
        float(kept_by(values, name, method, part).mean())
        for name, world in SUITES.items()
        for part in world.parts
        if part.startswith(kind)
    ]
    return min(found), max(found)


def _cross(values: Values) -> Found:
    shared = {method: _range(values, method, SHARED)[0] for method in (CROSS, CROSS_SELF)}
    synergy = {method: _range(values, method, SYNERGY)[1] for method in (CROSS, CROSS_SELF)}
    return Found(
        min(shared.values()) >= 0.95 and max(synergy.values()) <= 0.12,
        "; ".join(
            f"{method}: shared at least {shared[method]:.2f}, synergy at most {synergy[method]:.2f}"
            for method in shared
        ),
    )


def _unique(values: Values) -> Found:
    parts = [f"{UNIQUE}1", f"{UNIQUE}2"]
    cross, comm = (
        [float(kept_by(values, TRIFEATURE, method, part).mean()) for part in parts]
        for method in (CROSS, COMM)
    )
    gained = sum(comm) / 2 - sum(cross) / 2
    return Found(gained >= 0.2, f"{sum(cross) / 2:.2f} to {sum(comm) / 2:.2f}")


def _all(values: Values) -> Found:
    shared, unique = (_range(values, COMM, kind)[0] for kind in (SHARED, UNIQUE))
    synergy = {name: float(kept_by(values, name, COMM, SYNERGY).mean()) for name in OF_TWO}
    return Found(
        shared >= 0.95 and unique >= 0.85 and min(synergy.values()) >= 0.3,
        f"shared at least {shared:.2f}, unique at least {unique:.2f}; synergy "
        + ", ".join(f"{name} {value:.2f}" for name, value in synergy.items()),
    )


def _control(values: Values) -> Found:
    without, biased = (values.mean(row_of(name, COMM), SYNERGY) for name in (CONTROL, TRIFEATURE))
    return Found(without <= 56 and biased >= 58, f"{without:.1f}, {biased:.1f} after biased")


def _third(values: Values) -> Found:
    rows = {name: row_of(THREE, name) for name in (COMM, COMM_TWO, CMC_THREE)}
    found = {name: values.mean(row, ALL) for name, row in rows.items()}
    parts = (SHARED, f"{UNIQUE}1", f"{UNIQUE}2")
    lost = max(values.mean(rows[COMM_TWO], part) - values.mean(rows[COMM], part) for part in parts)
    return Found(
        found[COMM] >= max(found[COMM_TWO] + 0.5, found[CMC_THREE]) and lost <= 1,
        f"{', '.join(f'{name} {value:.1f}' for name, value in found.items())}; lost {lost:.1f}",
    )


class PartialInformation(Artefact):
    """Four methods on worlds whose information is known in closed form."""

    paper = "comm"
    name = "partial-information"
    title = "Worlds of known information: what each method keeps"
    needs = Needs((), {"quick": 0.3, "cpu": 15})
    columns = {  # noqa: RUF012
        SHARED: "balanced accuracy, in %, of a linear probe on what all modalities have",
        f"{UNIQUE}1": "on what the first modality alone has",
        f"{UNIQUE}2": "the second",
        f"{UNIQUE}3": "the third",
        SYNERGY: "on what only all together have; in trifeature a match, of a tenth of the items",
        ALL: "known bits that are kept, in %: each part's share between chance and ceiling, by its "
        "bits",
        OFF: "largest difference, in bits, of the decomposition of counted symbols from the closed "
        "form",
    }
    claims = (
        Claim(
            "known",
            "symbols tell what the closed form says",
            "probes on symbols within 2 points of every ceiling; counts within 0.05 bits",
            _symbols,
        ),
        Claim(
            "P2-E1a",
            "contrast across modalities keeps what is shared and no synergy, with contrast of each "
            "modality's views or without",
            "Cross and Cross+Self, in every world: shared at least 0.95 kept, synergy at most 0.12",
            _cross,
        ),
        Claim(
            "P2-E1b",
            "CoMM keeps what is unique, of which Cross loses a part",
            "ten values, mean of both modalities: CoMM keeps at least 0.2 more than Cross",
            _unique,
        ),
        Claim(
            "P2-E1c",
            "CoMM keeps all kinds of information",
            "in every world: shared at least 0.95 kept, unique 0.85; synergy, where there are two "
            "modalities, 0.3",
            _all,
        ),
        Claim(
            "P2-E1d",
            "a match of many values is not seen where training had nothing to learn it from",
            "trifeature: synergy at most 56 after unbiased training of CoMM, at least 58 after "
            "biased",
            _control,
        ),
        Claim(
            "P2-E6",
            "CoMM gains from a third modality, loses nothing by it, and is no worse than CMC",
            "three modalities: known bits kept at least 0.5 above those of CoMM of two of them, "
            "and at least CMC's; of what those two know at most 1 point lost",
            _third,
        ),
    )

    def cells(self, setting: Setting) -> Sequence[Cell]:
        """Every method on every world at every seed."""
        return cells_of(setting)

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        """Accuracies of every part, and the share of all bits that is kept."""
        values = Values()
        rows = SIZES[setting.scale].counted
        for seed in setting.each_seed:
            for name, world in SUITES.items():
                found = of_symbols(world, rows=rows, seed=seed)
                values += Values.of_cell(row_of(name, SYMBOLS), seed, found)
        for cell in trained:
            world = WORLDS[cell.cell.row.rpartition(": ")[0]]
            accuracies = cell.numbers(NUMBERS)
            bits = {part: world.bits[part] for part in world.parts}
            whole = sum(bits[part] * kept(world, part, accuracies[part]) for part in bits)
            told = {**accuracies, ALL: 100 * whole / sum(bits.values())}
            values += Values.of_cell(cell.cell.row, cell.cell.seed, told)
        return Outcome(
            values,
            [Section("Figure", "", [shares(values)])],
            [
                *_worlds(),
                "Views of an item have its symbols in common and nothing else: noise and nuisance "
                "are drawn anew. Maps from symbols to vectors are drawn from the seed.",
                "“trifeature” has ten shapes, textures and colours as vectors; its synergy is "
                "whether two of them belong together, which training sees no exception to, and "
                "“trifeature, unbiased” sees. All probes learn from unbiased items.",
                "Synergy of three modalities is the parity of three symbols: no method gets far "
                "with it, so no claim asks for it.",
                "Cross is trained on items as they are, the others on two views. Probes read the "
                "embeddings of all modalities side by side before any head, of CoMM the fused "
                "features before the projector: as many columns of two modalities for every "
                "method. FactorCL is for two modalities. “CoMM of two” sees the first two of "
                "three.",
            ],
        )


def _worlds() -> list[str]:
    """What there is to know in each world."""
    return [
        f"{name}, bits: "
        + ", ".join(f"{part} {world.bits[part]:.3g}" for part in world.parts)
        + (f"; {world.flip:.0%} of the labels of each part are wrong." if world.flip else ".")
        for name, world in SUITES.items()
    ]
