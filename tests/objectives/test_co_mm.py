from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given as from_strategy
from torch import Tensor

from isthmus.objectives import blocks
from isthmus.objectives.co_mm import CoMM
from tests.objectives.batches import Given, batches, given
from tests.reference import nt_xent as reference

RELEASED = {"image": 2, "fused": 2, "text": 2}
PAPER = {"image": 1, "fused": 2, "text": 1}


def expected(batch: Given, temperature: float) -> dict[str, float]:
    """Every term of a batch, with the one view of a modality in place of two."""
    last = {name: len(views) - 1 for name, views in batch.embeddings.items()}
    sets = {name: (batch.set(name), batch.set(name, k)) for name, k in last.items()}
    return reference.co_mm(sets.pop("fused"), sets, temperature)


@from_strategy(batch=batches(RELEASED))
def test_released_form_equals_the_slow_reference(batch: Given) -> None:
    terms = batch.through(CoMM(temperature=0.3, weights={"text": 2.0}))
    values = expected(batch, 0.3)
    for name, value in values.items():
        assert terms.values[name].item() == pytest.approx(value, abs=1e-10)
    total = (values["fused"] + values["image"] + 2 * values["text"]) / 3
    assert terms.total.item() == pytest.approx(total, abs=1e-10)


@from_strategy(batch=batches(PAPER))
def test_paper_form_equals_the_slow_reference(batch: Given) -> None:
    terms = batch.through(CoMM(temperature=0.3, form="paper", weights={"fused": 0.5}))
    values = expected(batch, 0.3)
    total = 0.5 * values["fused"] + values["image"] + values["text"]
    assert terms.total.item() == pytest.approx(total, abs=1e-10)


@pytest.mark.parametrize("modalities", [("image",), ("image", "text"), ("image", "text", "audio")])
def test_forms_differ_by_the_number_of_terms_when_given_the_same_views(
    modalities: tuple[str, ...],
) -> None:
    batch = given({**dict.fromkeys(modalities, 1), "fused": 2}, n=8)
    paper = batch.through(CoMM(form="paper")).total.item()
    twice = {n: v if n == "fused" else v * 2 for n, v in batch.embeddings.items()}
    released = CoMM()(twice).total.item()
    assert released * (len(modalities) + 1) == pytest.approx(paper, rel=1e-12)
    assert sum(expected(batch, 0.1).values()) == pytest.approx(paper, rel=1e-12)


def test_released_form_equals_the_published_code(
    published: dict[str, np.ndarray[Any, Any]],
) -> None:
    names = {"0": "image", "1": "text", "2": "together"}
    rows = {
        name: tuple(torch.from_numpy(published[f"comm/aug{v}_{k}"]).double() for v in (1, 2))
        for k, name in names.items()
    }
    loss = CoMM(temperature=0.1, fused="together")(rows)
    # Published in single precision.
    assert loss.total.item() == pytest.approx(published["comm/loss"].item(), rel=1e-6)


@pytest.mark.parametrize(
    ("form", "modalities", "calls"),
    [
        ("released", {"a": 2, "b": 2, "fused": 2}, {"within": 6, "across": 5}),
        ("released", {"a": 2, "b": 2, "c": 2, "fused": 2}, {"within": 8, "across": 7}),
        ("paper", {"a": 1, "b": 1, "fused": 2}, {"within": 4, "across": 5}),
    ],
)
def test_every_block_of_scores_is_computed_once(
    form: Any, modalities: dict[str, int], calls: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arrays: Tensor) -> Any:
            counted[name] += 1
            return function(*arrays)

        return call

    monkeypatch.setattr(blocks, "self_log_sum_exp", counting("within", blocks.self_log_sum_exp))
    monkeypatch.setattr(blocks, "log_sum_exp", counting("across", blocks.log_sum_exp))
    given(modalities).through(CoMM(form=form))
    assert counted == calls


def test_items_without_a_modality_keep_their_other_terms() -> None:
    batch = given(RELEASED)
    mask = {"text": torch.tensor([True, True, True, False, False])}
    values = CoMM()(batch.embeddings, mask=mask).values
    plain = CoMM()(batch.embeddings).values
    for name in ("fused", "image"):
        assert values[name].item() == pytest.approx(plain[name].item(), rel=1e-12)
    assert values["text"].item() != pytest.approx(plain["text"].item(), rel=1e-3)


X = torch.eye(2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CoMM()({"image": (X, X), "text": (X, X)}), "'fused'.*found.*image"),
        (lambda: CoMM()({"fused": (X, X)}), "one modality or more"),
        (lambda: CoMM()({"image": X, "fused": (X, X)}), "two augmented views of 'image'"),
        (lambda: CoMM()({"image": (X, X), "fused": X}), "two augmented views of 'fused'"),
        (
            lambda: CoMM(form="paper")({"image": (X, X), "fused": (X, X)}),
            "one embedding of 'image'.*found 2",
        ),
        (lambda: CoMM(form="both"), "'released' or 'paper'"),
        (
            lambda: CoMM(weights={"audio": 1.0})({"image": (X, X), "fused": (X, X)}),
            "weight for 'audio'",
        ),
    ],
)
def test_wrong_input_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
