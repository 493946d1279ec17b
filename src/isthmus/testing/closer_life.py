"""How a closer is fitted, refused, saved and added up."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from ..closers import AffineCloser, load_closer
from ..embeddings import Embeddings
from ..errors import InputError
from .closer_check import D, Make, N, check, cosines, equal, refusal, space


@check
def _fit_returns_the_closer_which_knows_its_modalities(make: Make) -> None:
    closer = make()
    assert closer.fit(space()) is closer
    assert closer.names == ("image", "text")
    assert closer.dimension == D


@check
def _misuse_is_refused(make: Make) -> None:
    x = space()["text"]
    refusal(lambda: make().transform(x, modality="text"), "not fitted yet")
    refusal(lambda: make().as_affine("text"), "not")
    closer = make().fit(space())
    refusal(lambda: closer.transform(x, modality="audio"), "not fitted on a modality 'audio'")
    refusal(lambda: closer.transform(x[:, 1:], modality="text"), f"shape ({len(x)}, {D - 1})")
    refusal(lambda: closer.transform(x[0], modality="text"), f"shape ({D},)")
    for value, words in ((np.nan, "NaN or infinity in row 5"), (0.0, "only zeros in row 5")):
        bad = x.copy()
        bad[5] = value
        refusal(lambda bad=bad: closer.transform(bad, modality="text"), words)  # type: ignore[misc]


@check
def _a_second_fit_forgets_the_first(make: Make) -> None:
    closer = make().fit(space(1)).fit(space())
    equal(cosines(closer, space()), cosines(make().fit(space()), space()), 0.0, "cosines")


@check
def _a_saved_closer_comes_back_equal(make: Make) -> None:
    closer = make().fit(space())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "closer.safetensors"
        closer.save(path)
        loaded = load_closer(path)
    assert type(loaded) is type(closer)
    assert loaded.parameters() == closer.parameters()
    assert loaded.names == closer.names
    for name, x in space().arrays.items():
        expected = closer.transform(x, modality=name)
        equal(loaded.transform(x, modality=name), expected, 0.0, f"rows of '{name}'")


@check
def _shards_of_whole_groups_add_up(make: Make) -> None:
    closer = make()
    if not isinstance(closer, AffineCloser):
        return
    found = space()
    try:
        for shard in _halves(found):
            closer.partial_fit(shard)
    except InputError as error:
        assert "whole calibration set" in str(error), str(error)  # noqa: PT017
        return
    merged, other = (make().fit(shard) for shard in _halves(found))
    assert isinstance(merged, AffineCloser)
    assert isinstance(other, AffineCloser)
    expected = cosines(make().fit(found), found)
    equal(cosines(closer, found), expected, 1e-6, "partial_fit: cosines")
    equal(cosines(merged.merge(other), found), expected, 1e-6, "merge: cosines")


def _halves(found: Embeddings) -> list[Embeddings]:
    assert found.labels is not None
    shards = []
    for k in range(2):
        own = {name: np.flatnonzero(ids % 2 == k) for name, ids in found.groups.items()}
        shards.append(
            Embeddings(
                {name: found[name][rows] for name, rows in own.items()},
                groups={name: found.groups[name][rows] for name, rows in own.items()},
                labels={name: found.labels[name][rows] for name, rows in own.items()},
            )
        )
    return shards


@check
def _pairs_and_labels_are_needed_only_where_it_says_so(make: Make) -> None:
    found = space()
    ids = {"image": np.arange(N), "text": np.arange(N, N + len(found["text"]))}
    ids["text"][0] = 0  # Embeddings need one match; a closer that needs none ignores it
    unmatched = Embeddings(found.arrays, groups=ids, labels=found.labels)
    if not make().pairs:
        equal(cosines(make().fit(unmatched), found), cosines(make().fit(found), found), 0, "")
    unlabelled = Embeddings(found.arrays, groups=found.groups)
    if make().labels:
        refusal(lambda: make().fit(unlabelled), "labels")
    else:
        make().fit(unlabelled)
