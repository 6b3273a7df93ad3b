import json

import pytest

from kerasnorm.training.settings.errors import UsageError
from tuning import parameters
from tuning.parameters import Choice, Range


def test_a_list_is_a_choice():
    assert parameters.parse("norm", ["batch", "group"]) == Choice(
        "norm", ("batch", "group")
    )


def test_one_value_is_a_choice_of_one():
    assert parameters.parse("width", 32) == Choice("width", (32,))


def test_min_and_max_are_a_range():
    found = parameters.parse("dropout", {"min": 0, "max": 0.5, "step": 0.1})
    assert found == Range("dropout", 0, 0.5, step=0.1)


def test_what_yaml_takes_for_a_word_is_a_number():
    found = parameters.parse("learning_rate", {"min": "1e-4", "max": "1e-2"})
    assert (found.low, found.high) == (1e-4, 1e-2)


def test_whole_and_broken_numbers_become_one_kind():
    assert parameters.parse("agc", [0, 0.01]).values == (0.0, 0.01)


def test_nothing_takes_a_parameter_out():
    assert parameters.parse("norm", None) is None


@pytest.mark.parametrize(
    "given, message",
    [
        ([], "list of values"),
        ([1, "one"], "one kind"),
        ({"min": 1}, "min: NUMBER"),
        ({"min": 1, "max": 2, "size": 3}, "min: NUMBER"),
        ({"min": 2, "max": 1}, "min below max"),
        ({"min": 0, "max": 1, "log": True}, "min above 0"),
        ({"min": 0, "max": 1, "step": 0}, "step above 0"),
    ],
)
def test_what_is_no_parameter_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        parameters.parse("dropout", given)


@pytest.mark.parametrize(
    "parameter",
    [
        Choice("norm", ("a", "b"), when=("model", ("convnet",))),
        Range("width", 1, 9, step=2, whole=True),
    ],
)
def test_json_gives_the_same_parameter_back(parameter):
    text = json.dumps(parameters.to_dict(parameter))
    assert parameters.from_dict(json.loads(text)) == parameter


def test_the_default_is_the_apps_value_where_it_is_in_the_range():
    assert Range("x", 0.0, 1.0).nearest(0.3) == 0.3
    assert Range("x", 0.0, 1.0).nearest(3.0) == 0.0
    assert Choice("x", ("a", "b")).nearest("b") == "b"


# Range: the values that a search draws.
STEPPED = [
    (Range("x", 0.1, 0.3, step=0.1), (0.1, 0.2, 0.3)),
    (Range("x", 0.0, 0.5, step=0.1), (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)),
    (Range("x", 0.0, 1.0, step=0.3), (0.0, 0.3, 0.6, 0.9)),
    (Range("x", 0.0, 0.75, step=0.25), (0.0, 0.25, 0.5, 0.75)),
    (Range("x", -0.3, 0.3, step=0.2), (-0.3, -0.1, 0.1, 0.3)),
    (Range("x", 1e-4, 1e-1, step=10, log=True), (1e-4, 1e-3, 1e-2, 1e-1)),
    (Range("x", 0.1, 0.8, step=2, log=True), (0.1, 0.2, 0.4, 0.8)),
    (Range("x", 8, 64, step=2, log=True, whole=True), (8, 16, 32, 64)),
    (Range("x", 1, 9, step=3, whole=True), (1, 4, 7)),
]


@pytest.mark.parametrize("parameter, values", STEPPED, ids=str)
def test_both_ends_of_a_range_with_steps_are_values(parameter, values):
    assert parameter.steps() == values
    assert {type(v) for v in parameter.steps()} == {type(values[0])}
    assert [parameter.nearest(value) for value in values] == list(values)
    assert parameter.nearest(values[0] + 1e-3) == values[0]
