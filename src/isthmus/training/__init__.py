"""Training with Lightning: the module, the monitor, and one run from start to weights.

`held_out_metrics`, `find_alarms` and `profile` serve any other loop too.
"""

from .alarms import TrainingAlarm, find_alarms
from .batches import Batches, Items
from .checkpoint import save_weights
from .data import Data, Digits
from .embed import embed
from .features import Features
from .fit import fit, run_steps
from .module import ContrastiveModule
from .monitor import GapMonitor
from .monitor_metrics import held_out_metrics
from .profile import profile
from .profile_result import Part, Profile
from .recipe import Recipe

__all__ = [
    "Batches",
    "ContrastiveModule",
    "Data",
    "Digits",
    "Features",
    "GapMonitor",
    "Items",
    "Part",
    "Profile",
    "Recipe",
    "TrainingAlarm",
    "embed",
    "find_alarms",
    "fit",
    "held_out_metrics",
    "profile",
    "run_steps",
    "save_weights",
]
