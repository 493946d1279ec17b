import numpy as np
import pytest
from numpy.typing import NDArray

from isthmus.datasets import morphology

SCALE = 4


@pytest.fixture
def bar() -> NDArray[np.bool_]:
    image = np.zeros((112, 112), dtype=bool)
    image[20:92, 48:64] = True  # 16 wide at scale 4: a stroke of 4 pixels
    return image


def test_mean_thickness_of_a_bar_is_its_width(bar: NDArray[np.bool_]) -> None:
    assert morphology.mean_thickness(bar, scale=SCALE) == pytest.approx(4, rel=0.15)


def test_thickening_and_thinning_follow_the_disk(bar: NDArray[np.bool_]) -> None:
    radius = int(0.7 * SCALE * morphology.mean_thickness(bar, scale=SCALE) / 2)
    thick, thin = morphology.thicken(bar, scale=SCALE), morphology.thin(bar, scale=SCALE)
    assert radius >= 4
    assert thick[56].sum() == 16 + 2 * radius
    assert thin[56].sum() == 16 - 2 * radius
    assert (thin <= bar).all()
    assert (bar <= thick).all()


def test_fracture_cuts_the_bar_into_pieces(bar: NDArray[np.bool_]) -> None:
    from scipy import ndimage

    broken = morphology.fracture(bar, np.random.default_rng(0), scale=SCALE, count=1)
    assert (broken <= bar).all()
    assert ndimage.label(broken)[1] == 2


def test_swelling_widens_the_stroke_somewhere_and_only_near(bar: NDArray[np.bool_]) -> None:
    swollen = morphology.swell(bar, np.random.default_rng(0), scale=SCALE)
    widths, before = swollen.sum(axis=1), bar.sum(axis=1)
    assert widths.max() > 1.3 * before.max()
    assert (widths == before).sum() > 20


@pytest.mark.parametrize("operation", ["thicken", "thin", "swell", "fracture"])
def test_a_dot_survives_every_operation(operation: str) -> None:
    dot = np.zeros((56, 56), dtype=bool)
    dot[20:22, 20:22] = True
    rng = (np.random.default_rng(0),) if operation in ("swell", "fracture") else ()
    changed = getattr(morphology, operation)(dot, *rng, scale=2)
    assert changed.any()
    assert not changed.all()
