"""Leaderboard, importance and page, from a search with a stand-in for training."""

import json
import math

import numpy as np
import pytest

from kerasnorm.data import locks
from tests.tuning.conftest import SPACE, StandIn, make_plan
from tuning import results
from tuning.objectives import Objective
from tuning.plan import SearchDirectory
from tuning.record import importance


@pytest.fixture
def searched(begin, tmp_path):
    """Directory of a search with fourteen trials, of which some have failed."""

    def loss(settings):
        if settings.norm == "frn":
            raise RuntimeError("the loss became <NaN>")
        return settings.learning_rate

    begin(make_plan(trials=14), StandIn(loss)).search()
    return tmp_path


@pytest.mark.thorough
def test_json_has_the_leaderboard_and_the_importance(searched, capsys):
    assert results.main([str(searched), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    done = [t["objective"] for t in found["trials"] if t["status"] == "completed"]
    assert done == sorted(done)
    assert found["best"]["objective"] == done[0]
    assert next(iter(found["importance"]["shares"])) == "learning_rate"


def test_the_table_names_what_failed_and_how_to_repeat_the_best(searched, capsys):
    assert results.main([str(searched)]) == 0
    out = capsys.readouterr().out
    assert "failed" in out
    assert "python -m apps.cats_dogs --config" in out
    # A trial goes without the doctor; whoever repeats it wants to hear him.
    assert "settings.yaml --examine" in out
    assert "importance   learning_rate" in out


def test_the_page_is_one_file_that_draws_every_trial(searched, monkeypatch):
    monkeypatch.setattr(importance, "measure", lambda *found: None)
    results.main([str(searched)])
    page = (searched / "search.html").read_text()
    content = results.read(SearchDirectory(searched)).content
    parallel = page.partition('id="parallel"')[2].partition("</svg>")[0]
    assert parallel.count("<polyline") == content["counts"]["completed"]
    assert "http" not in page.replace("http-equiv", "")
    assert "&lt;NaN&gt;" in page and "<NaN>" not in page


def test_a_killed_search_is_said_to_be_interrupted(searched, monkeypatch):
    monkeypatch.setattr(importance, "measure", lambda *found: None)
    # Nobody holds the lock, and nobody has written how it ended.
    content = results.read(SearchDirectory(searched)).content
    assert content["status"] == "interrupted"


def test_two_objectives_are_listed_by_front(begin, tmp_path, capsys):
    goals = (Objective("val_loss", "min"), Objective("parameters", "min"))
    begin(make_plan(objectives=goals, trials=6)).search()
    assert results.main([str(tmp_path), "--json"]) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    fronts = [trial["front"] for trial in trials]
    assert fronts == sorted(fronts) and fronts[0] == 1


def test_two_objectives_are_a_table_and_a_page(begin, tmp_path, capsys):
    goals = (Objective("val_loss", "min"), Objective("parameters", "min"))
    begin(make_plan(objectives=goals, trials=4)).search()
    assert results.main([str(tmp_path)]) == 0
    out = capsys.readouterr().out
    head = next(line for line in out.splitlines() if "trial" in line)
    assert head.split()[:4] == ["front", "trial", "val_loss", "parameters"]
    best = results.read(SearchDirectory(tmp_path)).content["best"]
    assert out.count("python -m apps.cats_dogs --config") == len(best)
    page = (tmp_path / "search.html").read_text()
    assert "<th>Front</th>" in page
    # The last two axes are the objectives.
    parallel = page.partition('id="parallel"')[2].partition("</svg>")[0]
    assert parallel.count('class="head"') == len(SPACE.parameters) + 2


def test_a_search_that_has_just_begun_has_nothing_to_show(tmp_path, capsys):
    directory = SearchDirectory(tmp_path)
    directory.write_plan(make_plan())
    assert results.main([str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "too few trials" in out and "--config" not in out
    assert "0 trials completed" in (tmp_path / "search.html").read_text()
    assert results.main([str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["best"] is None


def test_an_unfinished_search_shows_what_runs(begin, tmp_path, capsys):
    tuner = begin(make_plan(trials=6))
    tuner.oracle.create_trial("worker0")
    with locks.take(tmp_path / ".lock"):
        assert results.main([str(tmp_path)]) == 0
        assert "search running" in capsys.readouterr().out
        content = results.read(SearchDirectory(tmp_path)).content
    assert [trial["status"] for trial in content["trials"]] == ["running"]
    assert results.main([str(tmp_path)]) == 0
    assert "search interrupted" in capsys.readouterr().out


def test_figures_that_are_no_numbers_leave_whole_json(begin, tmp_path, capsys):
    goals = (Objective("parameters", "min"),)
    begin(make_plan(objectives=goals, trials=2), StandIn(lambda s: math.inf)).search()
    assert results.main([str(tmp_path), "--json"]) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert trials[0]["figures"]["validation_loss"] is None


def test_no_search_directory_is_wrong_usage(tmp_path, capsys):
    assert results.main([str(tmp_path)]) == 2
    assert "plan.json" in capsys.readouterr().err


@pytest.mark.thorough
def test_importance_finds_what_decides():
    draw = np.random.default_rng(0)
    values = [
        {
            "norm": str(draw.choice(["batch", "group", "frn"])),
            "optimizer": str(draw.choice(["sgd", "adamw"])),
            "learning_rate": float(10 ** draw.uniform(-3, -1)),
            "batch_size": int(draw.choice([4, 8])),
        }
        for _ in range(60)
    ]
    losses = [10.0 * (v["norm"] == "frn") + np.log(v["learning_rate"]) for v in values]
    found = importance.measure(SPACE.parameters, values, losses)
    assert list(found.shares)[:2] == ["norm", "learning_rate"]
    assert found.predicted > 0.5
    assert sum(found.shares.values()) == pytest.approx(1)


def test_few_trials_have_no_importance():
    assert importance.measure(SPACE.parameters, [{}] * 7, [1.0] * 7) is None
