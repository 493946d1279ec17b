"""Score calibration: from a cosine to the probability of a match, and to a cut-off."""

from .background import Background
from .calibration import ScoreCalibration
from .cut_off import CutOff, Target
from .evidence import Evidence
from .file import load_calibration
from .learned import Learned, Settings
from .log_odds import METHODS, LogOdds
from .reliability import Bin, Reliability
from .scores import COSINE, MUTUAL, QUERY, SCORES

__all__ = [
    "COSINE",
    "METHODS",
    "MUTUAL",
    "QUERY",
    "SCORES",
    "Background",
    "Bin",
    "CutOff",
    "Evidence",
    "Learned",
    "LogOdds",
    "Reliability",
    "ScoreCalibration",
    "Settings",
    "Target",
    "load_calibration",
]
