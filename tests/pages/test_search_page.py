"""The page of a search in a browser, for few and many trials and parameters."""

import itertools

import numpy as np
import pytest

from kerasnorm.training.settings.settings import FIELDS
from tests.tuning.conftest import make_plan
from tuning.objectives import Objective
from tuning.parameters import Choice, Range
from tuning.record import search_page
from tuning.record.charts import learning_curves, parallel_axes
from tuning.record.importance import Importance
from tuning.spaces import Space

# Least value and distance of the values that an axis shows.
SPANS = list(
    itertools.product(
        [0.0, 0.6888, -3.0, 12345.0, 4e8, 1e-7], [0.0, 1e-9, 1e-5, 0.005, 3.0, 1e9]
    )
)


def make_search(trials, parameters, objectives=1, reason=None):
    """Return what `render` takes for a search of that size."""
    names = sorted(FIELDS, key=len, reverse=True)[:parameters]
    choices = ("a_value_with_a_long_name", "batch")
    space = Space(
        tuple(
            Choice(name, choices) if number % 2 else Range(name, 1e-4, 1e-1, log=True)
            for number, name in enumerate(names)
        )
    )
    goals = (Objective("val_loss", "min"), Objective("parameters", "min"))[:objectives]
    random = np.random.default_rng(0)
    ranked = []
    for number in range(trials):
        loss = [0.688 + 0.001 * random.random(), 20_000 + number][:objectives]
        ranked.append(
            {
                "id": str(number),
                "status": "completed",
                "objective": loss if objectives > 1 else loss[0],
                "reason": None,
                "values": {
                    p.name: choices[0] if isinstance(p, Choice) else 0.0034567
                    for p in space.parameters
                },
                "front": 1,
                "remarks": [reason] if reason else [],
                "figures": {"epochs": 9, "stopped_because": "all were trained"},
                "ended_by_median_rule": False,
            }
        )
    curves = {
        trial["id"]: [(float(e), 0.69 + 0.001 * random.random()) for e in range(1, 40)]
        for trial in ranked
    }
    saved = {"trials": 0, "epochs": 0, "seconds": 0.0}
    content = {
        "app": "cats_dogs",
        "algorithm": "random",
        "status": "completed",
        "reason": "all trials are done",
        "objectives": [f"{goal.name}:min" for goal in goals],
        "counts": {"completed": trials, "failed": 0, "interrupted": 0, "running": 0},
        "saved": {"median_rule": saved, "patience": saved},
    }
    fractions = dict.fromkeys(names, 1 / parameters)
    measured = Importance(fractions, 0.5, trials) if trials >= 8 else None
    plan = make_plan(space=space, objectives=goals)
    return plan, content, ranked, curves, "val_loss", measured


@pytest.mark.parametrize("low, distance", SPANS)
def test_marks_of_an_axis_differ_and_stand_where_they_say(low, distance):
    high = low + distance
    objective = Objective("val_loss", "min")
    trials = [{"objective": value, "values": {}} for value in (low, high)]
    (axis,) = parallel_axes((), (objective,), trials)
    curves = learning_curves({"0": [(1.0, low), (2.0, high)]})
    for ticks in (axis.ticks, curves.up):
        labels = [label for _, label in ticks]
        assert len(labels) >= 2 and len(set(labels)) == len(labels)
        for height, label in axis.ticks:
            assert axis.place(float(label.replace(",", ""))) == pytest.approx(
                height, abs=4
            )


@pytest.mark.thorough
@pytest.mark.browser
def test_the_search_fits(window, tmp_path):
    remarks = [(1, None), (2, "out of memory " * 20)]
    for trials, parameters, more in itertools.product(
        [1, 8, 60], [1, 4, 9, 20], remarks
    ):
        file = tmp_path / "search.html"
        search = make_search(trials, parameters, *more)
        file.write_text(search_page.render(*search), encoding="utf-8")
        page = window.show(file).page
        window.check()
        table = page.locator("table.trials")
        wide = "t => t.scrollWidth > t.parentElement.clientWidth + 1"
        assert not table.evaluate(wide), (trials, parameters, more)
        assert table.locator("tbody tr").count() == trials
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = 0)")
        highest = table.evaluate(
            "t => Math.max(...[...t.rows].map(r => r.getBoundingClientRect().height))"
        )
        # Folded, a row of a wide search is still a row, and on a phone a small card.
        assert highest < (180 if window.width > 900 else 420), (parameters, more)
        heads = [head.bounding_box() for head in page.locator("#parallel .head").all()]
        for one, other in itertools.combinations(heads, 2):
            first, second = sorted((one, other), key=lambda box: box["x"])
            overlap = first["x"] + first["width"] > second["x"]
            assert not overlap or abs(one["y"] - other["y"]) > 4, (parameters, more)
        up = page.locator(".plot .up").all_inner_texts()
        assert len(set(up)) == len(up) >= 2
