import io
import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from isthmus.embeddings import Embeddings
from isthmus.metrics.measure import measure
from isthmus.metrics.measurement import Measurement
from isthmus.report import (
    COLUMNS,
    Report,
    compare,
    details,
    differences,
    embedding_section,
    findings,
    rich_detail,
    rich_table,
    table_rows,
    write_json,
    write_parquet,
)
from isthmus.report.maps import SHOWN, pca_map
from isthmus.report.preview import preview
from isthmus.resampling import redraw


def space(
    offset: float = 2.0, *, n: int = 60, modalities: int = 2, labels: bool = True
) -> Embeddings:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 8))
    classes = np.arange(n) % 3
    item = centres[classes] + 0.3 * rng.normal(size=(n, 8))
    names = ("image", "text", "audio")[:modalities]
    arrays = {
        name: item + 0.1 * rng.normal(size=(n, 8)) + offset * k * np.eye(8)[0]
        for k, name in enumerate(names)
    }
    return Embeddings(arrays, labels=classes if labels else None)


@pytest.fixture(scope="module")
def wide() -> Measurement:
    return measure(space(4.0))


@pytest.fixture(scope="module")
def narrow() -> Measurement:
    return measure(space(0.0))


def report(spaces: dict[str, Embeddings]) -> Report:
    return Report(
        title="A <title> & more",
        subtitle="sub",
        findings=["One </script> finding"],
        measurements={name: measure(s) for name, s in spaces.items()},
        sections=[embedding_section(name, s) for name, s in spaces.items()],
    )


def test_rows_hold_the_measured_numbers(wide: Measurement) -> None:
    (row,) = table_rows({"set": wide})
    assert row.pair == "image → text"
    assert row.cells[0] == f"{wide.pairs[0].l2m:.3f}"
    assert row.cells[3] == f"{wide.pairs[0].recall(0):.3f}"
    assert len(row.cells) == len(COLUMNS)


def test_numbers_that_do_not_exist_are_dashes() -> None:
    (row,) = table_rows({"set": measure(space(labels=False))})
    assert row.cells[-2:] == ("–", "–")


def test_three_modalities_have_three_rows_with_their_pairs() -> None:
    rows = table_rows({"set": measure(space(modalities=3))})
    assert [row.pair for row in rows] == ["image → text", "image → audio", "text → audio"]


def test_terminal_table_fits_eighty_columns_with_every_number_whole(wide: Measurement) -> None:
    from rich.console import Console

    console = Console(width=80, record=True, file=io.StringIO())
    console.print(rich_table({"a name of some twenty": wide, "other": wide}))
    text = console.export_text()
    assert "…" not in text
    for cell in table_rows({"": wide})[0].cells:
        assert cell in text


def test_findings_follow_from_the_numbers(wide: Measurement, narrow: Measurement) -> None:
    assert "The gap is wide" in findings("", wide)[0]
    assert f"{wide.pairs[0].l2m:.3f}" in findings("", wide)[0]
    assert "The gap is small" in findings("", narrow)[0]
    assert "farther apart than" in findings("", wide)[1]
    assert "closer than" in findings("", narrow)[1]
    assert findings("name", wide)[0].startswith("name: ")


def test_findings_about_groups_follow_from_the_numbers(
    wide: Measurement, narrow: Measurement
) -> None:
    gap, none = " ".join(findings("", wide)), " ".join(findings("", narrow))
    assert "alone tell image from text" in gap
    assert "alone tell" not in none
    assert "Each modality alone clusters better than all together" in gap
    assert "Each modality alone clusters no better than all together" in none
    groups = wide.pairs[0].groups
    assert groups is not None
    top = groups.zero_shot["image→text"].accuracy[1].value
    assert f"The nearest class of text is right for {top:.1%} of image items" in gap
    assert groups.information is not None
    assert f"probes read {groups.information.redundancy:.2f} in either" in gap
    assert "Neighbourhoods carry over" in none


def test_comparison_turns_round_with_its_arguments(wide: Measurement, narrow: Measurement) -> None:
    assert (
        "shrinks" in compare("a", wide, "b", narrow)[0]
        or "disappears" in compare("a", wide, "b", narrow)[0]
    )
    assert "grows" in compare("a", narrow, "b", wide)[0]
    assert "stays the same" in compare("a", wide, "b", wide)[0]


def test_details_answer_their_questions_with_the_measured_numbers(wide: Measurement) -> None:
    tables = {table.question: table for table in details(wide)}
    size = tables["How big is the gap?"].rows[0]
    assert size[1] == str(wide.pairs[0].intervals["l2m"])
    (search,) = [table for question, table in tables.items() if "One index" in question]
    assert wide.mixed_search is not None
    queries = wide.mixed_search.by_modality["image"]
    assert search.rows[0][2] == f"{queries.recall:.3f}"
    assert search.rows[0][4].startswith(f"{queries.top_share['image']:.0%} (")
    for table in tables.values():
        assert {len(row) for row in table.rows} == {len(table.headings)}


def test_every_group_of_numbers_has_a_table(wide: Measurement) -> None:
    tables = {table.question: table for table in details(wide)}
    pair = wide.pairs[0]
    assert pair.centroid_uniformity is not None
    assert tables["How big is the gap?"].rows[0][-1] == f"{pair.centroid_uniformity.value:.2f}"
    assert pair.largest_means is not None
    two = tables["Do two dimensions tell the modalities apart?"].rows[0]
    assert two[1:] == [
        *map(str, pair.largest_means.dimensions),
        f"{pair.largest_means.separation:.3f}",
    ]
    together = tables["What are the modalities like?"].rows[-1]
    assert wide.uniformity is not None
    assert together[0] == "all together"
    assert together[-2:] == [
        f"{wide.uniformity.value:.2f}",
        f"{wide.wasserstein_uniformity:.3f}",
    ]
    clusters = tables["What does it cost? Groups of meaning"].rows
    assert [row[0] for row in clusters] == ["all modalities", "image alone", "text alone"]
    assert wide.knn_accuracies is not None
    votes = tables["What does it cost? Neighbours of the same label"].rows
    assert votes[1][2] == f"{wide.knn_accuracies.accuracy['image→text']:.3f}"
    assert pair.groups is not None
    named = tables["What does it cost? Naming items across the gap"].rows[0]
    top = pair.groups.zero_shot["image→text"].accuracy[1].value
    assert named[-2:] == [f"{top:.3f}", "–"]  # three classes have no top 5
    assert pair.groups.class_order is not None
    order = tables["Do the modalities order the classes alike?"].rows[0]
    assert order[1] == f"{pair.groups.class_order.distance:.3f}"
    assert wide.modalities[0].groups is not None
    probe = wide.modalities[0].groups.probe
    assert probe is not None
    assert tables["What does a linear probe read?"].rows[0][1] == f"{probe.accuracy:.3f}"
    information = pair.groups.information
    assert information is not None
    known = tables["Who knows what about the labels?"].rows[0][2]
    assert known == f"{information.redundancy:.2f} ± {information.errors['redundancy']:.2f}"


def test_centres_have_a_table_from_three_modalities_on(wide: Measurement) -> None:
    question = "How far apart are the centres?"
    assert question not in {table.question for table in details(wide)}
    found = measure(space(modalities=3), fast=True)
    (table,) = [table for table in details(found) if table.question == question]
    assert [row[0] for row in table.rows] == ["image", "text", "audio"]
    assert table.rows[0][2] == table.rows[1][1] == f"{found.pairs[0].l2m:.3f}"
    assert f"{found.mean_centroid_distance:.3f}" in table.legend


def test_removed_dimensions_have_rows_and_the_figure_shows_the_same_numbers() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 64))
    spread = Embeddings({"image": rows, "text": rows + np.eye(64)[0] * 5})
    found = measure(spread)
    ablation = found.pairs[0].ablation
    assert ablation is not None
    (table,) = [table for table in details(found) if "without the dimensions" in table.question]
    assert [row[1] for row in table.rows] == ["0", "1", "2", "5", "10", "20"]
    assert table.rows[1][2] == f"{ablation.l2m[1]:.3f}"
    cards = {card.title: card for card in embedding_section("", spread, measurement=found).cards}
    curve = cards["Removing dimensions"].figure.data[0]
    assert list(curve.y) == pytest.approx(ablation.l2m, abs=5e-5)


@pytest.mark.parametrize("width", [80, 120])
def test_no_number_of_a_detail_table_is_cut_short(wide: Measurement, width: int) -> None:
    from rich.console import Console

    for detail in details(wide):
        console = Console(width=width, record=True, file=io.StringIO())
        console.print(rich_detail(detail))
        text = console.export_text()
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= width
        for cell in (cell for row in detail.rows for cell in row):
            assert set(cell.split()) <= set(text.split()), cell


def test_labels_attributes_and_a_temperature_have_their_tables() -> None:
    base = space()
    red = {name: np.arange(60) % 2 == 0 for name in base.names}
    marked = Embeddings(base.arrays, labels=base.labels, attributes={"red": red})
    found = measure(marked, temperature=0.05)
    tables = {table.question: table for table in details(found)}
    assert tables["Objects or attributes?"].rows[0][1] == f"{found.moad['image'].moad:.3f}"
    loss = found.pairs[0].loss
    assert loss is not None
    assert tables["How sure is the softmax?"].rows[0][3] == f"{loss.mean:.3f}"
    assert found.scatter is not None
    spread = tables["What does it cost? The spread of a class"].rows[0]
    assert spread[1] == f"{found.scatter.within:.3f}"


def test_what_captions_name_has_a_table_of_its_own() -> None:
    base = space()
    drawn = np.random.default_rng(0)
    attributes = {
        name: {m: drawn.random(60) < share for m in base.names}
        for name, share in (("red", 0.5), ("named_red", 0.25), ("named_label", 0.75))
    }
    found = measure(Embeddings(base.arrays, labels=base.labels, attributes=attributes))
    tables = {table.question: table for table in details(found)}
    rows = tables["Do captions explain the bias?"].rows
    assert [row[:2] for row in rows] == [[m, f] for m in base.names for f in ("red", "label")]
    image = found.presence["image"]
    assert rows[0][2:4] == [f"{image.deltas['red']:.3f}", f"{image.rates['red']:.0%}"]
    assert rows[0][4] == f"{image.kendall:.2f}"


def test_a_fast_measurement_shows_only_what_it_has() -> None:
    shown = [table.question for table in details(measure(space(), fast=True))]
    assert shown == ["How big is the gap?", "What are the modalities like?"]


def test_preview_closes_a_planted_gap_on_rows_it_was_not_fitted_on() -> None:
    found = preview(space(4.0, n=120))
    assert found is not None
    assert found.before.modalities[0].rows == 60
    assert found.after.pairs[0].l2m < 0.5 * found.before.pairs[0].l2m
    assert preview(space(n=12)) is None


def test_preview_gives_the_numbers_that_a_measurement_gives() -> None:
    found = preview(space(4.0, n=120))
    assert found is not None
    order = np.random.default_rng(0).permutation(120)
    full = measure(redraw(space(4.0, n=120), np.sort(order[60:])))
    assert found.before.clustering == full.clustering
    assert found.before.mixed_search == full.mixed_search
    assert found.before.pairs[0].retrieval == full.pairs[0].retrieval
    assert (
        compare("a", found.before, "b", found.after)[0] == compare("a", full, "b", found.after)[0]
    )


def test_differences_follow_the_intervals(wide: Measurement, narrow: Measurement) -> None:
    (told,) = differences({"a": wide, "b": narrow})
    assert "b against a, image and text: L2M lower" in told
    (same,) = differences({"a": wide, "b": wide})
    assert "L2M not clearly different" in same


def test_map_is_a_projection_of_unit_rows_that_keeps_pairs_together() -> None:
    planar = pca_map(space(20.0, n=3 * SHOWN))
    assert {name: len(p) for name, p in planar.points.items()} == {"image": SHOWN, "text": SHOWN}
    np.testing.assert_array_equal(planar.rows["image"], planar.rows["text"])
    ((a, b, i, j),) = planar.links
    assert (a, b, len(i)) == ("image", "text", SHOWN)
    np.testing.assert_array_equal(i, j)
    assert 0 < planar.explained[1] <= planar.explained[0] <= 1
    first = {name: points[:, 0] for name, points in planar.points.items()}
    assert abs(first["image"].mean() - first["text"].mean()) > 3 * first["image"].std()


def test_map_is_the_same_for_the_same_seed_and_survives_one_dimension() -> None:
    a, b = pca_map(space(n=900), seed=1), pca_map(space(n=900), seed=1)
    np.testing.assert_array_equal(a.points["image"], b.points["image"])
    line = Embeddings({"image": np.array([[1.0], [2.0]]), "text": np.array([[-1.0], [3.0]])})
    assert np.isfinite(pca_map(line).points["text"]).all()


def test_page_is_self_contained_and_escapes_what_it_is_given() -> None:
    html = report({"a set": space()}).html()
    assert "A &lt;title&gt; &amp; more" in html
    assert "One &lt;/script&gt; finding" in html
    own = html.replace(re.search(r"<script>(.*?)</script>\n<script type", html, re.S)[1], "")  # type: ignore[index]
    assert set(re.findall(r'(?:src|href)="(.*?)"', own)) == {"data:,"}
    assert "http:" not in own
    assert "https:" not in own
    figures = re.findall(r'<script type="application/json" id="figure-\d+">(.*?)</script>', own)
    assert len(figures) == 4
    assert all(json.loads(figure)["data"] for figure in figures)


def test_page_of_three_modalities_has_figures_for_every_pair() -> None:
    section = embedding_section("set", space(modalities=3))
    assert [card.title for card in section.cards if "Cosines" in card.title] == [
        "Cosines: image and text",
        "Cosines: image and audio",
        "Cosines: text and audio",
    ]


def test_histograms_are_densities() -> None:
    from isthmus.report.figures import cosine_histogram

    figure = cosine_histogram(space(), ("image", "text"))
    assert [trace.name for trace in figure.data] == [
        *("true pairs", "random pairs", "within image", "within text")
    ]
    for trace in figure.data:
        assert sum(trace.y) * 0.02 == pytest.approx(1, abs=0.01)


def test_results_round_trip(tmp_path: Path, wide: Measurement) -> None:
    write_json(tmp_path / "r.json", {"set": wide}, seed=3)
    write_parquet(tmp_path / "r.parquet", {"set": wide, "unlabelled": measure(space(labels=False))})
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["seed"] == 3
    assert content["measurements"]["set"] == wide.to_dict()
    rows = pyarrow.parquet.read_table(tmp_path / "r.parquet").to_pylist()
    assert [row["embeddings"] for row in rows] == ["set", "unlabelled"]
    assert rows[0]["l2m"] == pytest.approx(wide.pairs[0].l2m, rel=1e-5)
    assert rows[1]["v_measure"] is None


def test_wide_spaces_have_the_ablation_curve_and_narrow_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 64))
    wide_space = Embeddings({"image": rows, "text": rows + np.eye(64)[0] * 5})
    cards = {card.title: card for card in embedding_section("set", wide_space).cards}
    curve = cards["Removing dimensions"].figure.data[0]
    assert curve.name == "gap (L2M)"
    assert len(curve.y) == 21
    assert curve.y[1] < 0.5 * curve.y[0]
    titles = [card.title for card in embedding_section("set", space()).cards]
    assert "Removing dimensions" not in titles


def test_a_row_that_removal_leaves_empty_leaves_the_curve_out() -> None:
    rows = np.eye(64)
    sparse = Embeddings({"image": rows, "text": rows + np.eye(64)[0] * 0.1})
    titles = [card.title for card in embedding_section("set", sparse).cards]
    assert "Removing dimensions" not in titles
    assert "Gap by dimension" in titles
