"""Defects of CoMM's released code that must not come back here, each by what it is guarded by.

Others have a test where they belong: the order-free encoder that averages in its padding in
test_encoders.py, the force encoder that sees one reading in test_robot.py, the perceptron whose
dropout has another width in test_sequences.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from isthmus.models import (
    FUSED,
    AttentionFuser,
    CrossAttentionFuser,
    Fuser,
    Fusion,
    PatchAdapter,
    SequenceTransformer,
    TokenAdapter,
    Tokens,
    Towers,
    VectorAdapter,
)
from isthmus.models.alex_net import AlexNet, AlexNetMap
from isthmus.models.force import ForceEncoder
from isthmus.models.frozen import FrozenTokens
from isthmus.models.normed import NormedMap, NormedNet
from isthmus.models.proprio import ProprioEncoder
from isthmus.models.recurrent import GRUTokens
from isthmus.models.resnet import ResNet, ResNetMap
from isthmus.models.vit import ViTTokens
from isthmus.objectives import CoMM, CrossSelf, InfoNCE, Objective, SimCLR
from tests.models.fusion_support import KINDS

WIDTH = 8

SEQUENCES: dict[str, Callable[[], nn.Module]] = {
    "transformer, no positions": lambda: SequenceTransformer(
        inputs=3, dimension=WIDTH, heads=2, positions=False
    ),
    "transformer": lambda: SequenceTransformer(inputs=3, dimension=WIDTH, heads=2),
    "recurrent": lambda: GRUTokens(inputs=3, dimension=WIDTH),
    "frozen": lambda: FrozenTokens(
        encoder=SequenceTransformer(inputs=3, dimension=WIDTH, heads=2), dimension=WIDTH
    ),
}


def fusion(fuser: Fuser, text: nn.Module) -> Fusion:
    return Fusion(
        {"text": text, "sound": nn.Linear(4, WIDTH)},
        adapters={
            "text": TokenAdapter(inputs=WIDTH, width=WIDTH),
            "sound": VectorAdapter(inputs=WIDTH, width=WIDTH),
        },
        fuser=fuser,
    )


def rows(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    found = model(batch)
    return torch.cat([torch.cat(z) if isinstance(z, tuple) else z for z in found.values()])


@pytest.mark.parametrize("encoder", SEQUENCES)
@pytest.mark.parametrize("kind", KINDS)
def test_p2_2_masks_of_padding_are_honoured_in_training_and_inference_alike(
    kind: str, encoder: str
) -> None:
    """Released: the pass over all subsets is not told of the padding, the one at inference is."""
    torch.manual_seed(0)
    model = fusion(KINDS[kind](["text", "sound"]), SEQUENCES[encoder]())
    valid = torch.arange(5) < torch.tensor([[2], [5], [1]])
    x, sound = torch.randn(3, 5, 3), torch.randn(3, 4)
    batch = {"text": x, "text/valid": valid, "sound": sound}
    junk = batch | {"text": torch.where(valid[:, :, None], x, float("nan"))}
    found = {}
    for mode in (True, False):
        model.train(mode)
        found[mode] = rows(model, batch)
        torch.testing.assert_close(rows(model, junk), found[mode])
        shorter = {"text": x[:1, :2], "sound": sound[:1]}
        torch.testing.assert_close(rows(model, shorter), found[mode][::3])
        pairs = batch | {"text/1": batch["text"], "sound/1": sound}
        torch.testing.assert_close(rows(model, pairs)[:3], found[mode][:3])
    torch.testing.assert_close(found[True], found[False])


def test_p2_3_a_mean_leaves_masked_tokens_out_instead_of_adding_to_their_scores() -> None:
    """Released: with pool = "mean" a masked key gets one more, instead of minus infinity."""
    z, valid = torch.tensor([[[1.0], [3.0], [1e6]]]), torch.tensor([[True, True, False]])
    assert Tokens(z, valid).mean().tolist() == [[2.0]]
    torch.manual_seed(0)
    fuser, tokens = AttentionFuser(width=WIDTH, heads=2), torch.randn(1, 3, WIDTH)
    masked = fuser({"a": Tokens(tokens, valid)})
    torch.testing.assert_close(masked, fuser({"a": Tokens(tokens[:, :2])}))
    assert not torch.allclose(masked, fuser({"a": Tokens(tokens)}), atol=1e-4)


@pytest.mark.parametrize("layers", [1, 2])
def test_p2_4_cross_attention_can_be_built_and_its_weights_are_registered_and_learn(
    layers: int,
) -> None:
    """Released: it cannot be constructed, and its layers are in a plain list."""
    torch.manual_seed(0)
    fuser = CrossAttentionFuser(width=WIDTH, heads=2, layers=layers)
    blocks = {name.split(".")[1] for name in fuser.state_dict() if name.startswith("blocks.")}
    assert blocks == {str(k) for k in range(layers + 1)}
    model = fusion(fuser, SEQUENCES["transformer"]())
    batch = {"text": torch.randn(6, 5, 3), "sound": torch.randn(6, 4)}
    found = model(batch | {f"{name}/1": x + 0.1 for name, x in batch.items()})
    CoMM()(found).total.backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def three() -> dict[str, Tensor]:
    return {
        "image": torch.rand(6, 3, 32, 32) * 255,
        "force": torch.randn(6, 32, 6),
        "proprio": torch.randn(6, 8),
    }


@pytest.mark.parametrize("dimension", [16, 48])
def test_p2_7_the_force_encoder_fits_the_heads_of_the_other_modalities(dimension: int) -> None:
    """Released: its head takes 128 of the 512 numbers that it gives, and CMC fails."""
    torch.manual_seed(0)
    net = ForceEncoder(dimension=dimension)
    assert net(torch.zeros(2, 32, 6)).shape == (2, dimension)
    encoders = {
        "image": ResNet(dimension=dimension, width=4, stem=3),
        "force": net,
        "proprio": ProprioEncoder(dimension=dimension),
    }
    loss = InfoNCE()(Towers(encoders)(three())).total  # CMC: the mean over all pairs
    loss.backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())
    adapter = VectorAdapter(inputs=dimension, width=WIDTH)
    assert adapter(net(torch.zeros(2, 32, 6))).shape == (2, 1, WIDTH)


OBJECTIVES: dict[str, Callable[[], Objective]] = {
    "Cross": InfoNCE,
    "Cross+Self": CrossSelf,
    "SimCLR": SimCLR,
    "CoMM": CoMM,
}

MAPS: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module], int]] = {
    "ResNet": (
        lambda: ResNetMap(dimension=6, width=4),
        lambda: ResNet(dimension=WIDTH, width=4),
        64,
    ),
    "NormedNet": (
        lambda: NormedMap(dimension=6, widths=(4,)),
        lambda: NormedNet(dimension=WIDTH, widths=(4,), features=6),
        32,
    ),
    "AlexNet": (
        lambda: AlexNetMap(dimension=6, width=2),
        lambda: AlexNet(dimension=WIDTH, width=2, features=6),
        64,
    ),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", MAPS)
def test_p2_8_encoders_of_maps_meet_the_heads_of_every_objective(name: str, objective: str) -> None:
    """Released: maps (B, 256, 6, 6) go into heads of vectors, which fail at their last axis."""
    torch.manual_seed(0)
    of_map, of_vector, side = MAPS[name]
    pictures = torch.randint(0, 256, (2, 6, 3, side, side), dtype=torch.uint8)
    batch = {"image": pictures[0], "image/1": pictures[1]}
    batch |= {"text": torch.randn(6, 4), "text/1": torch.randn(6, 4)}
    model: nn.Module
    if objective == "CoMM":
        model = Fusion(
            {"image": of_map(), "text": nn.Linear(4, WIDTH)},
            adapters={
                "image": PatchAdapter(inputs=6, width=WIDTH),
                "text": VectorAdapter(inputs=WIDTH, width=WIDTH),
            },
            fuser=AttentionFuser(width=WIDTH, heads=2),
        )
    else:
        model = Towers({"image": of_vector(), "text": nn.Linear(4, WIDTH)})
    if objective == "Cross":
        batch = {key: x for key, x in batch.items() if not key.endswith("/1")}
    total = OBJECTIVES[objective]()(model(batch)).total
    total.backward()
    assert total.isfinite()
    assert all(p.grad is not None for p in model.parameters())


def test_all_encoders_of_vision_and_touch_meet_in_one_fusion_model() -> None:
    """A map, patches, a vector of many tokens and a vector of one."""
    torch.manual_seed(0)
    model = Fusion(
        {
            "image": ViTTokens(side=32, dimension=WIDTH, patch=8, width=8, layers=1, heads=2),
            "force": ForceEncoder(dimension=12),
            "proprio": ProprioEncoder(dimension=WIDTH),
        },
        adapters={
            "image": TokenAdapter(inputs=WIDTH, width=WIDTH),
            "force": VectorAdapter(inputs=12, width=WIDTH),
            "proprio": VectorAdapter(inputs=WIDTH, width=WIDTH),
        },
        fuser=AttentionFuser(width=WIDTH, heads=2),
    )
    found = model(three())
    assert list(found) == ["image", "force", "proprio", FUSED]
    assert {z.shape for z in found.values() if isinstance(z, Tensor)} == {(6, WIDTH)}
