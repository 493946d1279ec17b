"""What a run ran on, for whoever reads its numbers."""

from __future__ import annotations

import platform
from pathlib import Path

from ..processors import processors


def machine() -> str:
    """Processor and cores, GPU if there is one, Python and torch.

    >>> "torch" in machine()
    True
    """
    import torch

    cores = processors()
    parts = [f"{cores} core{'' if cores == 1 else 's'} of {_processor()}"]
    if torch.cuda.is_available():
        parts.insert(0, torch.cuda.get_device_name())
    return ", ".join([*parts, f"Python {platform.python_version()}", f"torch {torch.__version__}"])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
