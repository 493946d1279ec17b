"""Fusion models: subsets, masks, views, gradients, and what is refused."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from isthmus.models import (
    FUSED,
    AttentionFuser,
    Fusion,
    LinearFuser,
    TokenAdapter,
    Tokens,
    VectorAdapter,
)
from isthmus.models.fusion import _any
from isthmus.objectives import CoMM
from tests.models.fusion_support import KINDS, NAMES, WIDTH, batch, fusion, row

SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(NAMES, size)]


@pytest.mark.parametrize("names", [NAMES[:1], NAMES[1:], NAMES], ids=len)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains_all_of_its_parameters_on_one_to_three_modalities(
    kind: str, names: tuple[str, ...]
) -> None:
    model = fusion(kind, names, norm="batch")
    found = model(batch(views=2, names=names))
    assert list(found) == [*names, FUSED]
    CoMM()(found).total.backward()
    silent = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    if names == NAMES[:1]:  # nothing to choose from but the class token
        silent -= {f"fuser.blocks.0.{n}" for n in ("query.weight", "query.bias", "key.weight")}
    assert not silent
    for rows in found.values():
        for z in rows:
            torch.testing.assert_close(z.norm(dim=1), torch.ones(len(z)))


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_subset_by_mask_is_the_subset_given_alone(kind: str, training: bool) -> None:
    model = fusion(kind).train(training)
    every = batch()
    (tokens,) = model.tokens(every)
    absent = torch.zeros(6, dtype=torch.bool)
    for subset in SUBSETS:
        given = {k: x for k, x in every.items() if k.partition("/")[0] in subset}
        expected = row(model(given)[FUSED])
        by_tokens = model.fuse({name: tokens[name] for name in subset}, projected=True)
        masked = model(every | {f"{n}/present": absent for n in NAMES if n not in subset})
        torch.testing.assert_close(by_tokens, expected)
        torch.testing.assert_close(row(masked[FUSED]), expected)
        if len(subset) == 1:
            torch.testing.assert_close(row(model(every)[subset[0]]), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_out_matters(kind: str) -> None:
    model, every = fusion(kind), batch()
    whole = row(model(every)[FUSED])
    for name in NAMES:
        less = row(model({k: x for k, x in every.items() if not k.startswith(name)})[FUSED])
        assert (whole - less).norm(dim=1).min() > 1e-4


@pytest.mark.parametrize(("views", "calls"), [(1, 1), (2, 2), (3, 3)])
def test_every_modality_is_encoded_once_in_each_view(views: int, calls: int) -> None:
    model = fusion()
    counted = dict.fromkeys(NAMES, 0)
    for name, encoder in model.encoders.items():
        encoder.register_forward_hook(
            lambda *_, name=name: counted.update({name: counted[name] + 1})
        )
    model(batch(views=views))
    assert set(counted.values()) == {calls}


def test_two_views_give_pairs_and_of_three_the_first_gives_what_is_alone() -> None:
    model, objective = fusion(), CoMM(form="paper")
    three = batch(views=3)
    two = {k.replace("/1", "").replace("/2", "/1"): x for k, x in three.items() if "/" in k}
    one = {k: x for k, x in three.items() if "/" not in k} | {"text/valid": three["text/valid"]}
    two["text/valid"] = three["text/valid"]
    found, pairs, alone = model(three), model(two), model(one)
    assert CoMM()(pairs).total.isfinite()
    assert objective(found).total.isfinite()
    for name in NAMES:
        torch.testing.assert_close(row(found[name]), row(alone[name]))
    for own, other in zip(found[FUSED], pairs[FUSED], strict=True):
        torch.testing.assert_close(own, other)


def test_a_modality_in_one_view_is_the_same_in_all() -> None:
    model, views = fusion(names=("image", "sound")), batch(views=2, names=("image", "sound"))
    del views["sound/1"]
    first, second = model(views)["sound"]
    torch.testing.assert_close(first, second)
    first, second = model(views)[FUSED]
    assert (first - second).norm(dim=1).min() > 1e-3


def random_masks(draw: Any, items: int) -> dict[str, Tensor]:
    bits = st.lists(st.booleans(), min_size=items, max_size=items)
    present = {f"{name}/present": torch.tensor(draw(bits)) for name in NAMES}
    places = st.lists(bits, min_size=5, max_size=5)
    return present | {"text/valid": torch.tensor(draw(places)).T}


@settings(max_examples=15)
@given(data=st.data(), kind=st.sampled_from(list(KINDS)), norm=st.sampled_from(["layer", "batch"]))
def test_what_stands_in_place_of_padding_and_of_absent_items_does_not_matter(
    data: st.DataObject, kind: str, norm: str
) -> None:
    """The released code attends to padding in training, and leaves it out at inference."""
    masks = random_masks(data.draw, 6)
    model = fusion(kind, norm=norm)
    clean = batch(views=2) | masks
    junk = dict(clean)
    for key, x in clean.items():
        name, _, last = key.partition("/")
        if last not in ("present", "valid"):
            gone = ~masks[f"{name}/present"].reshape(-1, *[1] * (x.ndim - 1))
            if name == "text":
                gone = gone | ~masks["text/valid"][:, :, None]
            junk[key] = x.masked_fill(gone, float("nan"))
    gradients = []
    for given_batch in (clean, junk):
        model.zero_grad()
        found = model(given_batch)
        sum(z[0].sum() + z[1].square().sum() for z in found.values()).backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        given_batch["found"] = torch.cat([torch.cat(rows) for rows in found.values()])
    torch.testing.assert_close(junk["found"], clean["found"])
    for one, other in zip(*gradients, strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_training_and_evaluation_give_the_same_rows(kind: str) -> None:
    model, every = fusion(kind), batch()
    for name in (*NAMES, FUSED):
        one, other = (row(model.train(mode)(every)[name]) for mode in (True, False))
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_longer_padding_and_another_order_of_tokens_change_nothing(kind: str) -> None:
    model, every = fusion(kind), batch()
    longer, shuffled = dict(every), dict(every)
    order = torch.tensor([3, 0, 4, 1, 2])
    for key in ("text", "text/valid"):
        more = torch.zeros(6, 2, *every[key].shape[2:], dtype=every[key].dtype)
        longer[key] = torch.cat([every[key], more], dim=1)
        shuffled[key] = every[key][:, order]
    for changed in (longer, shuffled):
        for name, rows in model(changed).items():
            torch.testing.assert_close(row(rows), row(model(every)[name]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_item_does_not_depend_on_the_others_of_its_batch(kind: str) -> None:
    model, every = fusion(kind), batch()
    few = model({key: x[2:4] for key, x in every.items()})
    for name, rows in model(every).items():
        torch.testing.assert_close(row(few[name]), row(rows)[2:4])


def test_batch_normalisation_does_not_count_items_that_lack_the_modality() -> None:
    model, every = fusion(norm="batch"), batch()
    present = torch.arange(6) < 4
    found = model(every | {"sound/present": present})
    few = model({key: x[:4] for key, x in every.items()})
    torch.testing.assert_close(row(found["sound"])[:4], row(few["sound"]))


def test_an_item_counts_that_has_a_token_of_any_modality() -> None:
    z = torch.zeros(3, 1, 2)
    one, other = (Tokens(z, torch.tensor(bits)[:, None]) for bits in ([1, 0, 0], [0, 1, 0]))
    found = _any({"a": one, "b": other})
    assert found is not None
    assert found.tolist() == [True, True, False]
    assert _any({"a": one, "b": Tokens(z)}) is None


def test_in_cross_attention_tokens_look_at_those_of_other_modalities() -> None:
    model, seen = fusion("cross-attention"), []
    model.fuser.blocks[0].register_forward_pre_hook(  # type: ignore[index, union-attr]
        lambda _, given: seen.append((given[0].shape[1], given[1].shape[1]))
    )
    (tokens,) = model.tokens(batch())
    model.fuse(tokens)
    assert seen == [(6, 1 + 5 + 1), (5, 1 + 6 + 1), (1, 1 + 6 + 5)]


def test_items_without_anything_are_finite_and_an_empty_batch_is_empty() -> None:
    model = fusion(norm="batch")
    nothing = {f"{name}/present": torch.zeros(6, dtype=torch.bool) for name in NAMES}
    for rows in model(batch() | nothing).values():
        assert row(rows).isfinite().all()
    empty = {key: x[:0] for key, x in batch().items()}
    assert {row(rows).shape for rows in model(empty).values()} == {(0, 4)}


def test_features_are_what_is_before_the_projector() -> None:
    model, every = fusion(), batch()
    features = model.features(every)
    assert {name: row(z).shape for name, z in features.items()} == dict.fromkeys(
        (*NAMES, FUSED), (6, WIDTH)
    )
    (tokens,) = model.tokens(every)
    torch.testing.assert_close(row(features[FUSED]), model.fuse(tokens))
    model.projector = None
    for name, rows in model(every).items():
        torch.testing.assert_close(row(rows), row(features[name]))


def test_the_linear_fuser_takes_the_mean_of_the_tokens_that_there_are() -> None:
    """The released code's pooling adds a bonus to padded keys instead of leaving them out."""
    fuser = LinearFuser(width=2, modalities=["a", "b"])
    with torch.no_grad():
        fuser.linear.weight.copy_(torch.tensor([[1.0, 0.0, 10.0, 0.0], [0.0, 1.0, 0.0, 10.0]]))
        fuser.linear.bias.zero_()
    a = Tokens(torch.tensor([[[1.0, 2.0], [5.0, 6.0]]]), torch.tensor([[True, False]]))
    b = Tokens(torch.tensor([[[3.0, 1.0], [5.0, 1.0]]]))
    assert fuser({"a": a, "b": b}).tolist() == [[41.0, 12.0]]
    assert fuser({"b": b}).tolist() == [[40.0, 10.0]]


def encoders(*names: str) -> dict[str, nn.Module]:
    return {name: nn.Linear(4, WIDTH) for name in names}


def adapters(*names: str, width: int = WIDTH) -> dict[str, VectorAdapter]:
    return {name: VectorAdapter(inputs=WIDTH, width=width) for name in names}


WRONG: dict[str, Callable[[], object]] = {
    "an encoder and an adapter; found encoders of a and adapters of b": lambda: Fusion(
        encoders("a"), adapters=adapters("b"), fuser=AttentionFuser(width=WIDTH)
    ),
    "found encoders of none": lambda: Fusion({}, adapters={}, fuser=AttentionFuser(width=WIDTH)),
    "must not be called 'fused' or hold a '/'; found 'fused'": lambda: Fusion(
        encoders("fused"), adapters=adapters("fused"), fuser=AttentionFuser(width=WIDTH)
    ),
    "tokens of width 8; the adapter of 'a' gives 16": lambda: Fusion(
        encoders("a"), adapters=adapters("a", width=16), fuser=AttentionFuser(width=WIDTH)
    ),
    "heads must divide the width, 8; found 3": lambda: AttentionFuser(width=8, heads=3),
    "at least one layer; found 0": lambda: AttentionFuser(width=8, layers=0),
    "dropout must be in": lambda: AttentionFuser(width=8, dropout=1.0),
    "found 4 of 'image', 4 of 'text', 4 of 'sound'": lambda: fusion()(batch(views=4)),
    "found 2 of 'image', 3 of 'text', 3 of 'sound'": lambda: fusion()(
        {k: x for k, x in batch(views=3).items() if k != "image/2"}
    ),
    "found 0 of 'image', 0 of 'text', 0 of 'sound'": lambda: fusion()({"touch": torch.ones(2)}),
    r"PatchAdapter takes \(B, C, H, W\) with C = 6 from its encoder; found \(2, 7\)": lambda: (
        fusion().adapters["image"](torch.ones(2, 7))
    ),
    r"TokenAdapter takes \(B, L, C\) with C = 8 .* found \(2, 5, 7\)": lambda: fusion().adapters[
        "text"
    ](torch.ones(2, 5, 7)),
    r"'text/valid' must say of every position, \(6, 5\), .* found \(6, 4\)": lambda: fusion()(
        batch() | {"text/valid": torch.ones(6, 4)}
    ),
    r"'text/present' must be one per item, \(6,\); found \(5,\)": lambda: fusion()(
        batch() | {"text/present": torch.ones(5)}
    ),
    "padding of 'image' is told for 3 positions, but .* give 6 tokens": lambda: fusion()(
        batch() | {"image/valid": torch.ones(6, 3)}
    ),
    "inputs and width must be at least 1; found 0": lambda: TokenAdapter(inputs=0, width=4),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_does_not_fit_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WRONG[message]()
