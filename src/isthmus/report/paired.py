"""What differs between sets of embeddings: item by item where they are of the same items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..embeddings import Embeddings
from ..errors import InputError
from ..metrics.measurement import Measurement, PairMeasurement, plain
from ..metrics.paired import PairedDifference, paired_difference
from ..metrics.uncertainty import Interval
from ..progress import steps
from .detail import Detail
from .page import Report, Section

RESOLUTION = 0.0005
"""A difference whose interval lies within so much of 0 does not show in three decimals."""

_TITLES = {"l2m": "L2M", "rmg": "RMG", "pair_cosine": "pair cosine"}


@dataclass(frozen=True)
class Comparison:
    """A pair of modalities of one set against the first set.

    `paired` is None where the sets do not pair, and `reason` then says why: they are compared
    by separate intervals, those of `before` and `after`.
    """

    base: str
    other: str
    before: PairMeasurement
    after: PairMeasurement
    paired: PairedDifference | None = None
    reason: str = ""

    @property
    def basis(self) -> str:
        """On what the comparison rests, a sentence or two; nothing if that is not known."""
        if self.paired is None:
            reason = self.reason[:1].upper() + self.reason[1:]
            return f"{reason}: compared by separate intervals." if reason else ""
        pairing = self.paired.pairing
        text = f"Paired by group id ({pairing.groups:,} groups)"
        if not pairing.whole:
            text += f", those that both have of {pairing.sizes[0]:,} and {pairing.sizes[1]:,}"
        if pairing.counted:
            text += "; ids only count them, so the order of items must be the same in both sets"
        uneven = [
            f"{name} {rows[0]:,} and {rows[1]:,}"
            for name, rows in self.paired.rows.items()
            if rows[0] != rows[1]
        ]
        if uneven:
            text += f". Numbers of rows differ ({', '.join(uneven)}): RMG and R@1 depend on them"
        return f"{text}."

    def sentence(self) -> str:
        """Every number's verdict, with the intervals that it follows from."""
        if self.paired is None:
            told = [
                _apart(_title(key), self.before.intervals[key], self.after.intervals[key])
                for key in self.before.intervals
                if key in self.after.intervals
            ]
        else:
            told = [
                f"{_title(key)} {verdict(found)}, {signed(found)}"
                for key, found in self.paired.differences.items()
            ]
        pair = " and ".join(self.before.modalities)
        numbers = f"{self.other} against {self.base}, {pair}: {'; '.join(told)}."
        return f"{numbers} {self.basis}".rstrip()

    def table(self) -> Detail | None:
        """The numbers of both sets and their differences; None where the sets do not pair."""
        if self.paired is None:
            return None
        paired = self.paired
        rows = [
            [
                _title(key),
                f"{paired.base[key]:.3f} → {paired.other[key]:.3f}",
                signed(found),
                verdict(found),
            ]
            for key, found in paired.differences.items()
        ]
        pair = " – ".join(paired.modalities)
        return Detail(
            f"What differs between {self.base} and {self.other}? {pair}",
            ("", f"{self.base} → {self.other}", "difference", "verdict"),
            rows,
            f"{self.basis} In brackets: 95 % intervals of the difference, by bootstrap over groups "
            "drawn for both sets at once.",
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        content: dict[str, Any] = {
            "base": self.base,
            "other": self.other,
            "modalities": list(self.before.modalities),
            "paired": self.paired is not None,
            "basis": self.basis,
        }
        if self.paired is not None:
            paired = self.paired
            content["groups"] = paired.pairing.groups
            content["metrics"] = {
                key: {
                    "base": paired.base[key],
                    "other": paired.other[key],
                    "difference": found.value,
                    "low": found.low,
                    "high": found.high,
                    "verdict": verdict(found),
                }
                for key, found in paired.differences.items()
            }
        rounded: dict[str, Any] = plain(content)
        return rounded


def comparisons(
    measurements: Mapping[str, Measurement],
    sets: Mapping[str, Embeddings] | None = None,
    *,
    seed: int = 0,
) -> list[Comparison]:
    """Every set against the first, for each pair of modalities that both have.

    With the sets themselves, those of the same items are compared item by item.
    """
    (base_name, base), *others = measurements.items()
    alike = [
        (name, before, after)
        for name, other in others
        for before in base.pairs
        for after in other.pairs
        if set(before.modalities) == set(after.modalities)
    ]
    names = [f"{name}, {' – '.join(before.modalities)}" for name, before, _ in alike]
    found = []
    with steps(dict.fromkeys(names, 1.0)) as step:
        for title, (name, before, after) in zip(names, alike, strict=True):
            paired, reason = None, ""
            if sets is not None:
                with step(title):
                    paired, reason = _paired(sets[base_name], sets[name], before.modalities, seed)
            found.append(Comparison(base_name, name, before, after, paired, reason))
    return found


def differences(
    measurements: Mapping[str, Measurement], compared: Sequence[Comparison] | None = None
) -> list[str]:
    """How each set differs from the first, a sentence per pair of modalities.

    What was compared item by item is told by the intervals of its differences; the rest by
    whether the intervals of both sets keep apart.
    """
    compared = comparisons(measurements) if compared is None else compared
    base_name, *others = measurements
    sentences = []
    for name in others:
        told = [each.sentence() for each in compared if each.other == name]
        sentences += told or [f"{name} against {base_name}: no pair of modalities in common."]
    return sentences


def with_tables(report: Report, compared: Sequence[Comparison]) -> Report:
    """The report with the tables of differences before its sections."""
    tables = [table for each in compared if (table := each.table()) is not None]
    if not tables:
        return report
    section = Section("Differences", "", (), tables)
    return replace(report, sections=[section, *report.sections])


def verdict(difference: Interval) -> str:
    """Higher or lower where the interval of the difference excludes 0."""
    if max(abs(difference.low), abs(difference.high)) < RESOLUTION:
        return "equal to three decimals"
    if difference.low > 0:
        return "higher"
    return "lower" if difference.high < 0 else "not clearly different"


def signed(difference: Interval) -> str:
    """The difference and its interval, with their signs."""
    value, low, high = (_decimals(v) for v in (difference.value, difference.low, difference.high))
    return f"{value} [{low}, {high}]"


def _decimals(value: float) -> str:
    text = f"{abs(value):.3f}"
    sign = "" if float(text) == 0 else "−" if value < 0 else "+"
    return sign + text


def _paired(
    base: Embeddings, other: Embeddings, modalities: tuple[str, str], seed: int
) -> tuple[PairedDifference | None, str]:
    try:
        return paired_difference(base, other, modalities, seed=seed), ""
    except InputError as error:
        return None, str(error)


def _title(key: str) -> str:
    return _TITLES.get(key, key.replace("recall@", "R@"))


def _apart(title: str, old: Interval, new: Interval) -> str:
    apart = new.low > old.high or new.high < old.low
    said = ("higher" if new.value > old.value else "lower") if apart else "not clearly different"
    return f"{title} {said}, {new} against {old}"
