"""Closers by a line of text."""

import pytest

from isthmus.closers import KINDS, Pipeline, make_closer
from isthmus.errors import InputError

MADE = {
    "centering": ("centering", {}),
    "ridge:strength=0.1,to=image": (
        "ridge",
        {"to": "image", "center": True, "strength": 0.1, "prior": "identity"},
    ),
    " ridge : strength = 1e-3 , prior = zero ": (
        "ridge",
        {"to": None, "center": True, "strength": 0.001, "prior": "zero"},
    ),
    "cca:k=8": ("cca", {"k": 8, "strength": 1.0, "power": 1.0}),
    "cca:k=None,power=2": ("cca", {"k": None, "strength": 1.0, "power": 2.0}),
    "procrustes:center=False,to=query text": (
        "procrustes",
        {"to": "query text", "center": False, "strength": 3.0},
    ),
}


@pytest.mark.parametrize(("spec", "expected"), MADE.items(), ids=MADE)
def test_a_line_makes_a_closer_with_its_parameters(spec, expected):
    kind, parameters = expected
    found = make_closer(spec)
    assert type(found) is KINDS[kind]
    assert found.parameters() == parameters


def test_plus_makes_a_pipeline():
    found = make_closer("centering + procrustes:center=false")
    assert isinstance(found, Pipeline)
    assert found.steps == [
        {"kind": "centering"},
        {"kind": "procrustes", "to": None, "center": False, "strength": 3.0},
    ]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pipeline"])
def test_every_kind_can_be_made_by_its_name_and_parameters(kind):
    found = make_closer(kind)
    assert type(found) is KINDS[kind]
    given = ",".join(f"{name}={value}" for name, value in found.parameters().items())
    again = make_closer(f"{kind}:{given}" if given else kind)
    assert again.parameters() == found.parameters()


WRONG = {
    "rigde": "no closer 'rigde'; did you mean 'ridge'?; there are: cca, centering",
    "": "no closer ''; there are",
    "centering+": "no closer '' in 'centering+'; there are",
    "centering+magic": "no closer 'magic' in 'centering+magic'; there are",
    "pipeline": "written as its steps",
    "ridge:": "nothing after the colon of 'ridge:'",
    "ridge:strenght=1": "ridge has no parameter 'strenght'; did you mean 'strength'?; it has: to",
    "centering:k=1": "centering has no parameter 'k'; it has none",
    "ridge:strength": "'strength' of 'ridge:strength' is not of the form parameter=value",
    "ridge:strength=": "ridge: strength must be a number; found ''",
    "ridge:strength=strong": "ridge: strength must be a number; found 'strong'",
    "ridge:strength=-1": "ridge: strength must be a number in [0, ∞); found -1",
    "ridge:strength=1,strength=2": "parameter 'strength' is given twice",
    "ridge:center=maybe": "ridge: center must be true or false; found 'maybe'",
    "ridge:center=none": "ridge: center must be true or false; found 'none'",
    "cca:k=1.5": "cca: k must be a whole number or none; found '1.5'",
    "ridge:prior=one": "ridge: prior must be one of identity, zero; found 'one'",
}


@pytest.mark.parametrize(("spec", "message"), WRONG.items(), ids=WRONG)
def test_what_makes_no_closer_is_refused(spec, message):
    with pytest.raises(InputError) as caught:
        make_closer(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
