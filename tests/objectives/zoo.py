"""Every objective, for the suites that run on all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from isthmus.objectives import AlignTruePairs, CentroidUniformity, CloseGap, InfoNCE, Objective


@dataclass(frozen=True)
class Entry:
    """How to make an objective, and what it looks at: modality → number of views."""

    make: Callable[[], Objective]
    modalities: Mapping[str, int] = field(default_factory=lambda: {"image": 1, "text": 1})


TRIPLE = {"image": 1, "text": 1, "audio": 1}

ZOO: dict[str, Entry] = {
    "InfoNCE, fixed": Entry(lambda: InfoNCE(temperature=0.1)),
    "InfoNCE, learnable": Entry(lambda: InfoNCE(temperature=0.1, learnable=True), TRIPLE),
    "InfoNCE, anchored": Entry(lambda: InfoNCE(temperature=0.1, anchor="text"), TRIPLE),
    "InfoNCE, label smoothing": Entry(lambda: InfoNCE(temperature=0.1, smoothing=0.1)),
    "CloseGap": Entry(lambda: CloseGap(temperature=0.1)),
    "CloseGap, anchored": Entry(
        lambda: CloseGap(temperature=0.1, learnable=True, anchor="text"), TRIPLE
    ),
    "CloseGap, to the centroid": Entry(lambda: CloseGap(temperature=0.1, to_centroid=True), TRIPLE),
    "align true pairs": Entry(AlignTruePairs, TRIPLE),
    "centroid uniformity": Entry(lambda: CentroidUniformity(renormalise=False), TRIPLE),
}
