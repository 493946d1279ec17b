import numpy as np
import pytest

from isthmus.metrics import intervals
from isthmus.metrics.gap import l2m, pair_cosine, rmg
from isthmus.metrics.intervals import gap_intervals
from isthmus.metrics.uncertainty import bootstrap
from tests.metrics.test_uncertainty import cosine, relative_gap, space

PAIR = ("image", "text")


def test_values_are_those_of_the_plain_functions() -> None:
    data = space(captions=2)
    found = gap_intervals(data, PAIR)
    x, y = (data[name] for name in PAIR)
    groups = data.groups["image"], data.groups["text"]
    assert found.l2m.value == pytest.approx(l2m(x, y))
    assert found.rmg.value == pytest.approx(rmg(x, y, groups=groups))
    assert found.pair_cosine.value == pytest.approx(pair_cosine(x, y, groups=groups))


def test_widths_agree_with_the_general_bootstrap() -> None:
    data = space(100)
    found = gap_intervals(data, PAIR, resamples=400)
    for fast, metric in ((found.pair_cosine, cosine), (found.rmg, relative_gap)):
        general = bootstrap(data, metric, resamples=400)
        assert fast.high - fast.low == pytest.approx(general.high - general.low, rel=0.25)


def test_fewer_blocks_than_groups_give_about_the_same_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = space(2000)
    whole = gap_intervals(data, PAIR, resamples=400)
    monkeypatch.setattr(intervals, "BLOCKS", 100)
    few = gap_intervals(data, PAIR, resamples=400)
    assert few.l2m.value == pytest.approx(whole.l2m.value)
    for name in ("pair_cosine", "rmg"):
        widths = [getattr(f, name).high - getattr(f, name).low for f in (few, whole)]
        assert widths[0] == pytest.approx(widths[1], rel=0.35)


def test_interval_shrinks_with_the_square_root_of_the_rows() -> None:
    widths = []
    for n in (100, 1600):
        interval = gap_intervals(space(n), PAIR).pair_cosine
        widths.append(interval.high - interval.low)
    assert np.sqrt(16) == pytest.approx(widths[0] / widths[1], rel=0.4)
