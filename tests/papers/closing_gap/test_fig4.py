"""Figure 4: the first results of a query in one gallery, as pictures."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.papers import Setting
from isthmus.papers.closing_gap.columns import TEXT, mixed_columns
from isthmus.papers.closing_gap.fig4 import QUERIES, SHOWN, FigureFour
from isthmus.papers.closing_gap.methods import CLOSING, LEARNABLE
from isthmus.papers.closing_gap.worlds import AV_MNIST, EMOJI, World
from isthmus.report.gallery import Gallery
from tests.papers.closing_gap.spaces import CLASSES, Drawn, Kept, space

SETTING = Setting.of("quick")
WORLDS = (AV_MNIST, EMOJI)


def kept(world: World) -> list[Any]:
    """Under CLIP each modality for itself, under gap-closing all together."""
    found = []
    for cell in FigureFour(world).cells(SETTING):
        names, words = world.modalities[1:], world.match == "label"
        gap = 0.0 if cell.row == CLOSING else 9.0
        made = space(*names, gap=gap, words=words)
        found.append(Kept(cell, made, made, Drawn(*names, words=words)))
    return found


@pytest.fixture(scope="module")
def galleries() -> dict[str, Gallery]:
    """Those of both figures, by data set and title."""
    return {
        f"{world.name}: {gallery.title}": gallery
        for world in WORLDS
        for section in FigureFour(world).evaluate(SETTING, kept(world)).sections
        for gallery in section.galleries
    }


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_shares_are_those_of_the_main_table(world: World) -> None:
    given = kept(world)
    found = FigureFour(world).evaluate(SETTING, given)
    for each in given:
        wanted = mixed_columns(each.space, match=world.match)
        values = {c: found.values.mean(each.cell.row, c) for c in wanted}
        assert values == pytest.approx(wanted)
    assert FigureFour(world).claims[0].judge(found.values).holds is True
    assert found.values.seeds == [given[0].cell.seed]


def test_a_gallery_for_each_model_and_data_set(galleries: dict[str, Gallery]) -> None:
    assert list(galleries) == [
        f"{world}: {row}" for world in ("av-mnist", "emoji") for row in (LEARNABLE, CLOSING)
    ]
    for gallery in galleries.values():
        queries = [query.modality for query, _ in gallery.rows]
        assert len(queries) == 2 * QUERIES + 1
        assert queries.count(TEXT) == 1
        assert all(len(found) == SHOWN for _, found in gallery.rows)


def test_results_are_in_order_and_never_the_query_itself(galleries: dict[str, Gallery]) -> None:
    for gallery in galleries.values():
        for query, found in gallery.rows:
            scores = [item.score for item in found]
            assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]
            assert query.score is None
            same = [
                i
                for i in found
                if (i.modality, i.picture, i.text) == (query.modality, query.picture, query.text)
            ]
            assert not same


def test_under_clip_a_query_sees_its_own_modality_and_closed_its_matches(
    galleries: dict[str, Gallery],
) -> None:
    for world in ("av-mnist", "emoji"):
        for query, found in galleries[f"{world}: {LEARNABLE}"].rows:
            if query.modality != TEXT:
                assert {item.modality for item in found} == {query.modality}
    for query, found in galleries[f"emoji: {CLOSING}"].rows:
        assert [item.match for item in found] == [True, True] + [False] * (SHOWN - 2)
        assert query.modality not in {item.modality for item in found[:2]}
    for query, found in galleries[f"av-mnist: {CLOSING}"].rows:
        assert all(item.match for item in found[:2]), query


def test_texts_that_say_the_class_alone_stand_in_the_gallery_once(
    galleries: dict[str, Gallery],
) -> None:
    for query, found in galleries[f"av-mnist: {CLOSING}"].rows:
        texts = [item.text for item in found if item.modality == TEXT]
        assert len(set(texts)) == len(texts) <= CLASSES
        if query.modality == TEXT:
            assert query.text not in texts
    texts = [i for _, found in galleries[f"emoji: {CLOSING}"].rows for i in found if not i.picture]
    assert {item.modality for item in texts} == {TEXT}


def test_items_are_pictures_with_the_name_of_their_class_or_texts(
    galleries: dict[str, Gallery],
) -> None:
    for gallery in galleries.values():
        for item in [i for query, found in gallery.rows for i in (query, *found)]:
            assert item.picture.startswith("data:image/png") == (item.modality != TEXT)
            assert item.text
