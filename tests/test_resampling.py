import numpy as np
import pytest

from isthmus.embeddings import Embeddings
from isthmus.errors import InputError
from isthmus.resampling import group_count, redraw, shard, shuffle_pairing

IMAGE = np.arange(12.0).reshape(4, 3) + 1
TEXT = np.arange(18.0).reshape(6, 3) + 100
SPACE = Embeddings(
    {"image": IMAGE, "text": TEXT},
    groups={"image": ["a", "b", "c", "d"], "text": ["a", "a", "b", "c", "c", "d"]},
    labels={"image": [0, 1, 0, 1], "text": [0, 0, 1, 0, 0, 1]},
)


def test_shards_are_disjoint_whole_groups_that_cover_all() -> None:
    parts = [shard(SPACE, k, 2) for k in range(2)]
    assert [sorted(set(part.groups["image"])) for part in parts] == [["a", "b"], ["c", "d"]]
    for name in SPACE.names:
        stacked = np.concatenate([part[name] for part in parts])
        np.testing.assert_array_equal(stacked, SPACE[name])
    assert parts[1].labels is not None
    assert parts[1].labels["text"].tolist() == [0, 0, 1]


@pytest.mark.parametrize(("index", "count"), [(2, 2), (-1, 2), (0, 0), (0, 4)])
def test_impossible_shards_are_refused(index: int, count: int) -> None:
    with pytest.raises(InputError, match="shard"):
        shard(SPACE, index, count)


def test_redrawn_groups_keep_their_rows_and_copies_are_groups_of_their_own() -> None:
    codes = {
        str(g): int(c) for g, c in zip(SPACE.groups["image"], SPACE.codes["image"], strict=True)
    }
    drawn = redraw(SPACE, np.array([codes["c"], codes["c"], codes["a"]]))
    np.testing.assert_array_equal(drawn["image"], IMAGE[[2, 2, 0]])
    np.testing.assert_array_equal(drawn["text"], TEXT[[3, 4, 3, 4, 0, 1]])
    assert drawn.groups["text"].tolist() == [0, 0, 1, 1, 2, 2]
    assert group_count(drawn) == 3


def test_shuffling_keeps_rows_and_group_sizes_and_changes_who_matches() -> None:
    n = 50
    space = Embeddings({"image": np.eye(n), "text": np.eye(n)})
    shuffled = shuffle_pairing(space, np.random.default_rng(0))
    assert shuffled["text"] is space["text"]
    assert sorted(shuffled.groups["text"]) == list(range(n))
    assert (shuffled.groups["text"] == space.groups["text"]).mean() < 0.2
    np.testing.assert_array_equal(shuffled.groups["image"], space.groups["image"])
