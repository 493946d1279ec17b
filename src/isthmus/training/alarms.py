"""When a training run goes wrong in a way that its measurements tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PATIENCE = 3
"""Measurements in a row that must all look wrong, at least."""

LASTING = 0.2
"""Share of the run over which all of them must, so that a dip in between is none."""

WARM_UP = 0.1
"""Share of the run whose measurements do not count."""

CHANCE_TOLERANCE = 0.02
"""How near to that of equal scores a loss is at chance, relatively."""

COLLAPSED_COSINE = 0.99
"""Mean cosine of the rows of a modality above which they have collapsed to a point."""

COLLAPSED_RANK = 2.0
"""Effective rank of a modality below which it has collapsed to a line."""

FOUND_AGAIN = 0.1
"""Share of the rows of a modality that find their match, above which they have not collapsed."""

BOUND_TOLERANCE = 1e-3
"""How near to its bound a temperature sits on it, relatively."""

Record = Mapping[str, Any]


class TrainingAlarm(UserWarning):
    """A training run that learns nothing, collapses, or strains against a bound."""


def find_alarms(
    history: Sequence[Record],
    *,
    steps: int | None = None,
    dimension: int | None = None,
    temperature_bounds: tuple[float, float] | None = None,
) -> dict[str, str]:
    """What is wrong with a run, by cause, with a sentence each: empty where nothing is.

    A cause counts if it shows in each of the last three measurements that have a loss, and in
    all of the last fifth of the run where its length is known; none is of its first tenth.

    - `chance`: the loss is within 2 % of `loss_at_chance`, what it is when all scores are
      equal: nothing is learned. The term `info_nce` is compared where there is one.
    - `collapse`: the rows of a modality have a mean cosine above 0.99, or an effective rank
      below 2 in a space of four dimensions or more, and less than a tenth of them find their
      match in another modality first: a narrow cone may still tell items apart.
    - `temperature`: a learned temperature sits on one of its bounds.
    - `unmeasured`: a record has an `error` in place of numbers; the last one suffices.

    Parameters
    ----------
    history:
        Records as `GapMonitor.history` has them: `step`, `loss` (None where there is none yet),
        and, each where it is known, `info_nce`, `loss_at_chance`, `temperature`, `error` and the
        numbers of `held_out_metrics`. For InfoNCE, `loss_at_chance` is log B of the batch of all
        ranks.
    steps:
        Length of the run, if known; otherwise all measurements count.
    dimension:
        Width of the space. Without it, effective rank is not judged.
    temperature_bounds:
        Smallest and largest learned temperature; None for one that is not learned.

    Examples
    --------
    >>> history = [{"step": k, "loss": 4.15, "loss_at_chance": 4.159} for k in (1, 2, 3)]
    >>> list(find_alarms(history)), find_alarms(history[:2])
    (['chance'], {})
    """
    if history and (error := history[-1].get("error")):
        return {"unmeasured": f"the held-out embeddings could not be measured: {error}"}
    last = _last(history, steps or 0)
    if len(last) < PATIENCE or any(record.get("error") for record in last):
        return {}
    at = f"from step {last[0]['step']} to {last[-1]['step']}"
    found = {
        "chance": _chance(last, at),
        "collapse": _collapse(last, at, dimension),
        "temperature": _temperature(last, at, temperature_bounds),
    }
    return {cause: sentence for cause, sentence in found.items() if sentence}


def _last(history: Sequence[Record], steps: int) -> Sequence[Record]:
    """The records that count; none if it is too early to tell."""
    counted = [r for r in history if r.get("loss") is not None and r["step"] > WARM_UP * steps]
    if not counted or counted[-1]["step"] < (WARM_UP + LASTING) * steps:
        return []
    since = counted[-1]["step"] - LASTING * steps
    return max(counted[-PATIENCE:], [r for r in counted if r["step"] >= since], key=len)


def _chance(last: Sequence[Record], at: str) -> str:
    for record in last:
        chance = record.get("loss_at_chance") or 0.0
        loss = record.get("info_nce", record["loss"])
        if chance <= 0 or abs(loss - chance) > CHANCE_TOLERANCE * chance:
            return ""
    return (
        f"the loss was {_course(last, 'info_nce', 'loss')} {at}, within {CHANCE_TOLERANCE:.0%} of "
        f"log(batch) = {last[-1]['loss_at_chance']:.3f}, which is that of equal scores: nothing "
        "is learned. Look whether row i of every modality is the same item, at the learning "
        "rate, and whether the towers get a gradient"
    )


def _collapse(last: Sequence[Record], at: str, dimension: int | None) -> str:
    names = [key.split(" ", 1)[1] for key in last[-1] if key.startswith("mean_angular_value ")]
    found = []
    for name in names:
        if any(_found_again(record, name) > FOUND_AGAIN for record in last):
            continue
        cone, rank = f"mean_angular_value {name}", f"effective_rank {name}"
        if all(record.get(cone, 0.0) > COLLAPSED_COSINE for record in last):
            found.append(f"rows of '{name}' had a mean cosine of {_course(last, cone)}")
        elif (
            dimension is not None
            and dimension > COLLAPSED_RANK + 1
            and all(record.get(rank, COLLAPSED_RANK) < COLLAPSED_RANK for record in last)
        ):
            found.append(f"rows of '{name}' had an effective rank of {_course(last, rank)}")
    if not found:
        return ""
    return (
        f"{'; '.join(found)} {at}: the space has collapsed. Look at the learning rate, and "
        "whether the objective has a term that keeps items apart"
    )


def _found_again(record: Record, name: str) -> float:
    """The best recall@1 of a modality in any other."""
    return max((v for k, v in record.items() if k.startswith(f"recall@1 {name}→")), default=0.0)


def _temperature(last: Sequence[Record], at: str, bounds: tuple[float, float] | None) -> str:
    values = [record.get("temperature") for record in last]
    if bounds is None or not all(values):
        return ""
    low, high = bounds
    smallest = all(value <= low * (1 + BOUND_TOLERANCE) for value in values if value)
    largest = all(value >= high * (1 - BOUND_TOLERANCE) for value in values if value)
    if not smallest and not largest:
        return ""
    meaning = (
        "the loss would be lower still with sharper scores, which is where a gap opens: fix the "
        "temperature, start it higher, or move the bound"
        if smallest
        else "the loss would be lower still with flatter scores, as if pairs could not be told "
        "apart: look whether rows match, or move the bound"
    )
    return f"the learned temperature sat on its bound {low if smallest else high:g} {at}: {meaning}"


def _course(last: Sequence[Record], *keys: str) -> str:
    """The first and the last value of the first key that is there."""
    key = next(key for key in keys if key in last[-1])
    return " to ".join(dict.fromkeys(f"{record[key]:.3f}" for record in (last[0], last[-1])))
