"""Which closer, if any? Held-out scores of several, and a choice that says why."""

from .candidates import CANDIDATES, SLOW
from .choice import PURPOSES, Choice, check_purpose, choose
from .scores import METRICS, held_out_scores
from .trials import OPEN, Trials, cross_validate

__all__ = [
    "CANDIDATES",
    "METRICS",
    "OPEN",
    "PURPOSES",
    "SLOW",
    "Choice",
    "Trials",
    "check_purpose",
    "choose",
    "cross_validate",
    "held_out_scores",
]
