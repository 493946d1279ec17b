"""Which closer, if any? Held-out scores of several, and a choice that says why."""

from .choice import PURPOSES, Choice, choose
from .scores import METRICS, held_out_scores
from .trials import OPEN, Trials, cross_validate

__all__ = [
    "METRICS",
    "OPEN",
    "PURPOSES",
    "Choice",
    "Trials",
    "choose",
    "cross_validate",
    "held_out_scores",
]
