"""Training with Lightning: the module, the monitor, and one run from start to weights."""

from .batches import Batches
from .embed import embed
from .fit import fit, save_weights
from .module import ContrastiveModule
from .monitor import GapMonitor

__all__ = ["Batches", "ContrastiveModule", "GapMonitor", "embed", "fit", "save_weights"]
