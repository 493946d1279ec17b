"""Table 3: three modalities against two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..claims import Claim, Found
from ..values import Values, published
from .bench_table import BenchTable
from .benches import CONTACT, UR_FUNNY
from .methods import CMC, COMM, CROSS, CROSS_SELF, METHODS
from .probes import ACCURACY
from .table1 import FROM_FACTOR_CL, TOWERS
from .task import Row, Task

CROSS_TWO, CROSS_SELF_TWO = f"{CROSS} (2)", f"{CROSS_SELF} (2)"
COMM_TWO, COMM_THREE, CMC_THREE = f"{COMM} (2)", f"{COMM} (3)", "CMC (3)"

ROWS: Mapping[str, Row] = {
    CROSS_TWO: Row(METHODS[CROSS]),
    CROSS_SELF_TWO: Row(METHODS[CROSS_SELF]),
    COMM_TWO: Row(METHODS[COMM]),
    CMC_THREE: Row(CMC, count=3, linear=True),
    COMM_THREE: Row(METHODS[COMM], count=3),
}
"""Row, with the number of modalities → what is trained."""

PUBLISHED: Mapping[str, Sequence[float]] = {
    CONTACT.name: (84.4, 86.8, 88.1, 94.1, 94.2),
    UR_FUNNY.name: (50.1, 59.9, 63.1, 59.2, 64.6),
}
"""Set → what is published, in the order of rows."""


def _gains(values: Values) -> Found:
    two, three, cmc = (values.mean(row, ACCURACY) for row in (COMM_TWO, COMM_THREE, CMC_THREE))
    return Found(
        three >= two + 0.5 and three >= cmc,
        f"CoMM {two:.1f} with two, {three:.1f} with three; CMC {cmc:.1f}",
    )


class TableThree(BenchTable):
    """CMC and CoMM with three modalities, and methods with two, on one data set."""

    claims = (
        Claim(
            "P2-E6",
            "CoMM gains from a third modality, and is no worse than CMC",
            "accuracy of CoMM with three modalities at least 0.5 above that with two, and at least "
            "CMC's",
            _gains,
        ),
    )

    def __init__(self, task: Task) -> None:
        super().__init__(task, ROWS)
        self.name = f"table3-{task.name}"
        self.title = f"Three modalities. {task.title}"
        rows = {row: [value] for row, value in zip(ROWS, PUBLISHED[task.name], strict=True)}
        self.published = published([self.main], rows, tag="C")
        first, second, third = task.modalities
        self.notes = (
            f"Two modalities are {first} and {second}; the third is {third}. CMC has linear heads.",
            TOWERS,
            FROM_FACTOR_CL,
        )


TABLE_THREE = tuple(TableThree(task) for task in (CONTACT, UR_FUNNY))
"""An artefact for each data set."""
