from functools import reduce
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from isthmus.embeddings import Embeddings
from isthmus.errors import InputError
from isthmus.metrics.gap import l2m, rmg
from isthmus.metrics.state import GapState
from isthmus.resampling import shard


def space() -> Embeddings:
    rng = np.random.default_rng(0)
    image = rng.normal(size=(40, 6))
    text = np.repeat(image, 3, axis=0) + 1
    audio = image[:25] - 1
    groups = {"image": np.arange(40), "text": np.repeat(np.arange(40), 3), "audio": np.arange(25)}
    return Embeddings({"image": image, "text": text, "audio": audio}, groups=groups)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_shards_merged_are_the_whole(count: int, tmp_path: Path) -> None:
    data = space().select(["image", "text"])
    paths = [tmp_path / f"{k}.safetensors" for k in range(count)]
    for k, path in enumerate(paths):
        GapState.of(shard(data, k, count)).save(path)
    merged = reduce(GapState.merge, map(GapState.load, paths))
    groups = data.groups["image"], data.groups["text"]
    assert merged.moments["text"].count == 120
    assert merged.pairs["image", "text"].count == 120
    assert merged.l2m("image", "text") == pytest.approx(l2m(data["image"], data["text"]))
    expected = rmg(data["image"], data["text"], groups=groups)
    assert merged.rmg("image", "text") == pytest.approx(expected)


def test_three_modalities_have_three_pairs() -> None:
    state = GapState.of(space())
    assert {pair: p.count for pair, p in state.pairs.items()} == {
        ("image", "text"): 120,
        ("image", "audio"): 25,
        ("text", "audio"): 75,
    }


def test_states_of_other_modalities_do_not_merge() -> None:
    data = space()
    with pytest.raises(InputError, match="different modalities"):
        GapState.of(data).merge(GapState.of(data.select(["image", "text"])))


@pytest.mark.parametrize("kind", ["missing", "noise", "other tensors", "no count"])
def test_a_file_that_is_no_state_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    if kind == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(300))
    if kind == "other tensors":
        save_file({"w": np.ones(2)}, path)
    if kind == "no count":
        save_file({"total.image": np.ones(2)}, path, metadata={"format": "isthmus-state"})
    with pytest.raises(InputError, match="state"):
        GapState.load(path)
