"""Table 2: the genres of MM-IMDb, from a pretrained CLIP and from what is trained on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...datasets.mm_imdb import GENRES
from ..artefact import Outcome
from ..cell import Cell
from ..claims import Claim, Found
from ..setting import Needs, Setting
from ..trained import Trained
from ..values import Values, published
from .bench_table import BenchTable
from .clip import Weights, at_hand
from .methods import COMM, CROSS, METHODS, SUPERVISED_FUSED, Method
from .probes import FROZEN, MACRO, WEIGHTED, probed_frozen
from .task import STAND_INS, Row, Size, Task

CLIP, CLIP_TRAINED, SLIP_TRAINED = "CLIP", "CLIP, further trained", "SLIP, further trained"
COMM_CLIP = f"{COMM} (CLIP)"
COMM_TUNED = f"{COMM_CLIP}, fine-tuned"

SIDE, WIDTH, DIMENSION, WORDS = 224, 768, 512, 128
"""Of posters in pixels; of the tokens of both encoders; of CLIP's space; tokens of a plot."""


def rows(image: str) -> dict[str, Row]:
    """Row → what is trained; `image` is the modality of which SLIP has two more views."""
    slip = {
        "class": "SLIP",
        "temperature": 0.07,
        "learnable": True,
        "self_temperature": 0.1,
        "augmented": image,
    }
    return {
        CLIP_TRAINED: Row(METHODS[CROSS]),
        SLIP_TRAINED: Row(Method(slip), views={image: 3}),
        COMM_CLIP: Row(METHODS[COMM]),
        COMM_TUNED: Row(SUPERVISED_FUSED, labelled=True, after=COMM_CLIP),
    }


def size(weights: Weights) -> Size:
    """The published setting, with the weights that are at hand."""
    image = {"model": weights.architecture, "pretrained": weights.image}
    text = {"class": "isthmus.models.hugging_face.HuggingFaceText", "model": weights.text}
    return Size(
        {
            "class": "MMIMDb",
            "side": SIDE,
            "tokens": f"transformers:{weights.text}",
            "length": WORDS,
            "device": "cuda",
        },
        dimension=DIMENSION,
        width=WIDTH,
        steps=70 * 243,
        rate=1e-4,
        towers={
            "image": {"class": "OpenCLIPImage", **image},
            "text": {
                "class": "isthmus.models.token_mean.TokenMean",
                "width": WIDTH,
                "encoder": {**text, "dimension": WIDTH, "frozen": False},
            },
        },
        encoders={
            "image": {
                "class": "isthmus.models.open_clip_tokens.OpenCLIPImageTokens",
                **image,
                "frozen": True,
            },
            "text": {**text, "frozen": True},
        },
        schedule={"class": "WarmUpCosine", "warm_up": 1 / 7},
        trainer={"accelerator": "gpu", "precision": "bf16-mixed"},
    )


MM_IMDB = Task(
    name="mm-imdb",
    title="MM-IMDb: genres of movies, from poster and plot",
    modalities=("image", "text"),
    kind="labels",
    outputs=len(GENRES),
    selects=False,
    needs=Needs(("mm_imdb", "clip"), {"quick": 0.1, "paper": 300}),
    sizes={},
)


def _gains(values: Values) -> Found:
    clip, comm = (values.mean(row, WEIGHTED) for row in (CLIP, COMM_CLIP))
    return Found(comm >= clip + 2, f"CLIP {clip:.1f}, CoMM {comm:.1f}")


def _does_not_help(values: Values) -> Found:
    before, after = (values.mean(row, WEIGHTED) for row in (CLIP, CLIP_TRAINED))
    return Found(after <= before, f"{before:.1f}, {after:.1f} after training")


class TableTwo(BenchTable):
    """A frozen CLIP, the same trained further, and CoMM on top of it."""

    name = "table2"
    published = published(
        [WEIGHTED, MACRO],
        {
            CLIP: [58.9, 50.9],
            CLIP_TRAINED: [54.49, 44.94],
            SLIP_TRAINED: [56.54, 47.35],
            COMM_CLIP: [61.48, 54.63],
            COMM_TUNED: [64.90, 58.97],
        },
        tag="F",
    )
    claims = (
        Claim(
            "P2-E7a",
            "CoMM on frozen encoders tells genres better than what these give",
            "weighted F1 of CoMM at least 2 points above that of CLIP",
            _gains,
        ),
        Claim(
            "P2-E7b",
            "more contrast of poster and plot does not help, as genres are not what they share",
            "weighted F1 of CLIP, further trained, at most that of CLIP",
            _does_not_help,
        ),
    )
    notes = (
        "CLIP is what CoMM is trained on: the class token of the poster and the mean of the plot's "
        "tokens, side by side, of the frozen encoders. It has no seed.",
        "Encoders are CLIP's ViT-B/32 and the multilingual DistilBERT that was distilled from it. "
        "CLIP and SLIP, further trained, train both whole, at the same rate and as long; SLIP has "
        "no head of its own. The paper does not say how they were trained.",
        "70 passes, the first ten of them warming up; the released code has 100, its results are "
        "of the 70th, and it chooses the best pass by the test split. Of several plots the longest "
        "is probed.",
        "CoMM, fine-tuned, goes on from CoMM's weights, the encoders frozen as before, with a "
        "linear map of the fused embeddings to the genres, by binary cross-entropy, for a fifth of "
        "the steps at a tenth of the learning rate. The paper does not say how long, or how fast.",
        "SimCLR, BLIP-2, MFAS, ReFNet and LLaVA-NeXT are not run.",
    )

    def __init__(self) -> None:
        super().__init__(MM_IMDB, rows("image"))

    def cells(self, setting: Setting) -> Sequence[Cell]:
        """Every row at every seed; CLIP is read from the first cell of CoMM.

        Raises
        ------
        InputError
            No pretrained CLIP is at hand.
        """
        if setting.scale == "quick":
            found = self.task.cells(setting, rows(STAND_INS[0]))
        else:
            known = size(at_hand(setting.data_root))
            found = replace(self.task, sizes={setting.scale: known}).cells(setting, self.rows)
        return [_also_frozen(cell) if _has_clip(cell, setting) else cell for cell in found]

    def evaluate(self, setting: Setting, trained: Sequence[Trained]) -> Outcome:
        """What probes read of every cell, and of CLIP."""
        outcome = super().evaluate(setting, trained)
        (clip,) = (found for found in trained if _has_clip(found.cell, setting))
        values = Values.of_cell(CLIP, clip.cell.seed, clip.numbers(FROZEN)) + outcome.values
        return replace(outcome, values=values, sections=self.figure(values))


def _has_clip(cell: Cell, setting: Setting) -> bool:
    return cell.row == COMM_CLIP and cell.seed == setting.each_seed[0]


def _also_frozen(cell: Cell) -> Cell:
    measures: Mapping[str, Any] = {**cell.measures, FROZEN: probed_frozen}
    return replace(cell, measures=measures)
