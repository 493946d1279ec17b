import numpy as np
import pytest

from isthmus.datasets.digits import FACTORS, WORDS, captioned_digits

SMALL = {"variants": 2, "limit": 40}


def test_splits_never_share_a_scan() -> None:
    train = captioned_digits("train", variants=1, limit=300, seed=3)
    test = captioned_digits("test", variants=1, limit=300, seed=3)
    assert not set(train.instances) & set(test.instances)


def test_splits_cover_all_scans() -> None:
    from isthmus.datasets.digits import _scans

    n = len(_scans()[0])
    sizes = [len(np.unique(captioned_digits(s, seed=1).instances)) for s in ("train", "test")]  # type: ignore[arg-type]
    assert n == 1797
    assert sizes == [n - round(0.2 * n), round(0.2 * n)]


def test_same_seed_same_data_other_seed_other_data() -> None:
    first, again, other = (captioned_digits("test", seed=s, **SMALL) for s in (0, 0, 1))  # type: ignore[arg-type]
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.captions, again.captions)
    assert (first.images != other.images).any()


@pytest.mark.parametrize("facts", range(6))
def test_captions_name_the_digit_and_true_facts(facts: int) -> None:
    digits = captioned_digits("test", facts=facts, **SMALL)  # type: ignore[arg-type]
    values = list(FACTORS.values())
    for caption, digit, row in zip(digits.captions, digits.digits, digits.factors, strict=True):
        first, *named = caption.split("-")
        shown = {value[k] for value, k in zip(values, row, strict=True)}
        assert first == str(digit)
        assert len(named) == facts
        assert set(named) <= shown


def test_every_word_of_a_caption_is_known() -> None:
    digits = captioned_digits("test", facts=5, **SMALL)  # type: ignore[arg-type]
    assert {word for caption in digits.captions for word in caption.split("-")} <= set(WORDS)
    assert len(WORDS) == len(set(WORDS)) == 26


def test_images_show_a_digit_in_its_colour() -> None:
    digits = captioned_digits("test", variants=3, limit=60)
    assert digits.images.shape == (180, 28, 28, 3)
    assert digits.images.dtype == np.uint8
    ink = digits.images.max(axis=(1, 2, 3))
    assert ink.min() > 100
    red = digits.images[digits.factors[:, 4] == FACTORS["colour"].index("red")]
    assert red[..., 0].max() > 100
    assert red[..., 1:].max() == 0


def test_small_digits_are_smaller() -> None:
    digits = captioned_digits("test", variants=2, limit=100)
    extent = (digits.images.max(axis=3) > 50).any(axis=1).sum(axis=1)  # columns with ink
    small = digits.factors[:, 3] == 1
    assert extent[small].mean() < 0.85 * extent[~small].mean()


def test_impossible_number_of_facts_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 5"):
        captioned_digits("test", facts=6)
