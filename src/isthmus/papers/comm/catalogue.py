"""The paper and all of its tables and figures."""

from __future__ import annotations

from ..artefact import Paper
from .bench_table import PAPER
from .fig4 import FigureFour
from .fig5 import FigureFive
from .partial_information import PartialInformation
from .table1 import TABLE_ONE
from .table2 import TableTwo
from .table3 import TABLE_THREE
from .variants import TableFive, TableFour

COMM = Paper(
    PAPER,
    "What to Align in Multimodal Contrastive Learning (ICLR 2025)",
    [
        FigureFour(),
        FigureFive(),
        *TABLE_ONE,
        TableTwo(),
        *TABLE_THREE,
        TableFour(),
        TableFive(),
        PartialInformation(),
    ],
)
"""Its artefacts."""
