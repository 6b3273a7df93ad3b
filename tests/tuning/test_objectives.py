import math

import pytest

from kerasnorm.doctor.cells import PARTS
from kerasnorm.training.settings.errors import UsageError
from tuning import objectives
from tuning.objectives import Objective

REPORT = {
    "validation_loss": 0.4,
    "validation_accuracy": 0.9,
    "images_per_second": 300.0,
    "examination": {"budget": {"gap": 0.3, "parts": {"generalization": 0.2}}},
}


@pytest.mark.parametrize(
    "name, value",
    [
        ("val_loss", 0.4),
        ("validation_loss", 0.4),
        ("val_accuracy", 0.9),
        ("images_per_second", 300.0),
        ("gap", 0.3),
        ("generalization", 0.2),
        ("stale_statistics", 0.0),
    ],
)
def test_figures_come_from_the_report(name, value):
    (objective,) = objectives.parse([name])
    assert objective.of_report(REPORT) == value


def test_every_part_of_the_doctors_gap_is_an_objective():
    assert set(objectives.GAP_PARTS) == {"gap", *PARTS}


@pytest.mark.parametrize("name", ["parameters", "seconds"])
def test_what_the_report_lacks_is_no_number(name):
    assert math.isnan(objectives.parse([name])[0].of_report(REPORT))


def test_without_an_examination_there_is_no_gap():
    assert math.isnan(objectives.parse(["gap"])[0].of_report({"examination": None}))


@pytest.mark.parametrize(
    "word, direction",
    [
        ("val_loss", "min"),
        ("val_accuracy", "max"),
        ("parameters", "min"),
        ("images_per_second", "max"),
        ("parameters:max", "max"),
    ],
)
def test_the_direction_is_the_usual_one_unless_given(word, direction):
    assert objectives.parse([word])[0].direction == direction


@pytest.mark.parametrize(
    "words", [["speed"], ["val_loss:up"], ["val_loss"] * 2, ["gap", "loss", "seconds"]]
)
def test_other_objectives_are_refused(words):
    with pytest.raises(UsageError, match="objective"):
        objectives.parse(words)


def test_fronts_are_peeled_one_by_one():
    goals = (Objective("val_loss", "min"), Objective("images_per_second", "max"))
    points = [(1.0, 10.0), (2.0, 20.0), (2.0, 10.0), (3.0, 5.0), (1.0, 10.0)]
    assert objectives.fronts(points, goals) == [1, 1, 2, 3, 1]
