"""Whole searches in one process, with a stand-in for training."""

import itertools
import json
import math

import pytest

from kerasnorm.training.devices import out_of_memory
from kerasnorm.training.settings import Settings
from tests.marks import thorough
from tests.tuning.conftest import SPACE, StandIn, make_plan
from tuning.objectives import Objective
from tuning.parameters import Choice
from tuning.plan import ALGORITHMS
from tuning.record import search_summary
from tuning.spaces import Space

# Fitting the Gaussian process takes seconds: only the last of five trials needs it.
TRIALS = {"random": 8, "bayesian": 5, "hyperband": 8, "grid": 8}


class Killed(BaseException):
    """Stands for SIGKILL: nothing below catches it."""


def record_of(tuner, status="completed"):
    return search_summary.compose(tuner.plan, tuner.search_directory, status)


def values_of(content):
    return [trial["values"] for trial in content["trials"]]


@pytest.mark.parametrize(
    "algorithm, trials", [(a, n) for a, n in TRIALS.items() if a != "bayesian"]
)
def test_every_algorithm_completes_its_trials(begin, algorithm, trials):
    tuner = begin(make_plan(algorithm=algorithm, trials=trials))
    tuner.search()
    content = record_of(tuner)
    assert [trial["status"] for trial in content["trials"]] == ["completed"] * trials
    losses = [trial["objective"] for trial in content["trials"]]
    assert content["best"]["objective"] == min(losses)
    assert tuner.oracle.ended_because == "all trials are done"


@pytest.mark.parametrize("algorithm, trials", TRIALS.items())
def test_a_killed_search_goes_on_as_if_nothing_had_been(
    begin, tmp_path, algorithm, trials, kill_at=3
):
    plan = make_plan(algorithm=algorithm, trials=trials)
    whole = begin(plan)
    whole.search()
    expected = values_of(record_of(whole))
    for path in ("keras_tuner/oracle.json",):
        (tmp_path / path).unlink()
    counter = itertools.count()

    def dies_once(settings):
        if next(counter) == kill_at:
            raise Killed
        return settings.learning_rate

    with pytest.raises(Killed):
        begin(plan, StandIn(dies_once)).search()
    resumed = begin(train=StandIn())
    resumed.search()
    content = record_of(resumed)
    assert values_of(content) == expected
    ids = [trial["id"] for trial in content["trials"]]
    assert len(set(ids)) == len(ids)
    assert {trial["status"] for trial in content["trials"]} == {"completed"}
    assert sorted(resumed.oracle.end_order) == sorted(ids)


def test_the_grid_visits_every_combination_once(begin):
    space = Space(
        (Choice("norm", ("batch", "group")), Choice("batch_size", (4, 8, 16)))
    )
    tuner = begin(make_plan(algorithm="grid", trials=None, space=space))
    tuner.search()
    found = [(v["norm"], v["batch_size"]) for v in values_of(record_of(tuner))]
    assert sorted(found) == sorted(
        itertools.product(("batch", "group"), (4, 8, 16)),
    )


@pytest.mark.parametrize("algorithm", ["random", "grid"])
def test_a_small_space_ends_the_search_when_all_is_tried(begin, algorithm):
    space = Space((Choice("norm", ("batch", "group", "frn")),))
    tuner = begin(make_plan(algorithm=algorithm, trials=9, space=space))
    tuner.search()
    found = [values["norm"] for values in values_of(record_of(tuner))]
    assert sorted(found) == ["batch", "frn", "group"]
    assert tuner.oracle.ended_because == "the space holds no further trials"


def test_seed_zero_is_a_seed(begin, tmp_path):
    found = []
    for seed in (0, 0, 1):
        (tmp_path / "keras_tuner" / "oracle.json").unlink(missing_ok=True)
        tuner = begin(make_plan(seed=seed))
        tuner.search()
        found.append(values_of(record_of(tuner)))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("bad", [-math.inf, math.inf, math.nan])
def test_what_is_no_number_never_wins(begin, bad):
    counter = itertools.count()
    train = StandIn(lambda settings: bad if next(counter) == 1 else 0.5)
    tuner = begin(make_plan(trials=3), train)
    tuner.search()
    content = record_of(tuner)
    assert content["counts"]["failed"] == 1
    assert content["best"]["objective"] == 0.5
    assert content["trials"][1]["reason"] == f"val_loss is {bad}"


@pytest.mark.parametrize(
    "algorithm", [thorough(one) if one == "bayesian" else one for one in ALGORITHMS]
)
def test_every_algorithm_goes_on_after_what_is_no_number(begin, algorithm):
    """A model of the objective cannot be fitted to it, and nothing is promoted."""
    counter = itertools.count()
    train = StandIn(lambda settings: math.nan if next(counter) % 3 == 1 else 0.5)
    tuner = begin(make_plan(algorithm=algorithm, trials=12), train)
    tuner.search()
    content = record_of(tuner)
    assert content["counts"]["failed"] >= 3
    assert content["counts"]["completed"] >= 6
    assert content["best"]["objective"] == 0.5


def test_a_failed_trial_has_its_reason_and_the_search_goes_on(begin):
    counter = itertools.count()

    def fails_thrice(settings):
        if next(counter) in (1, 2, 3):
            raise RuntimeError("the loss became NaN in epoch 2")
        return 0.5

    tuner = begin(make_plan(trials=6), StandIn(fails_thrice))
    tuner.search()
    content = record_of(tuner)
    statuses = [trial["status"] for trial in content["trials"]]
    assert statuses == ["completed", *["failed"] * 3, *["completed"] * 2]
    assert content["trials"][2]["reason"] == "the loss became NaN in epoch 2"


def test_many_failures_in_a_row_end_the_search(begin):
    def fails(settings):
        raise RuntimeError("no")

    tuner = begin(make_plan(trials=20, max_failures=4), StandIn(fails))
    tuner.search()
    assert tuner.oracle.ended_because == "4 trials in a row failed"
    assert len(record_of(tuner)["trials"]) == 4


def test_after_failures_the_search_can_go_on(begin):
    def fails(settings):
        raise RuntimeError("no")

    begin(make_plan(trials=5, max_failures=2), StandIn(fails)).search()
    resumed = begin(train=StandIn())
    resumed.search()
    assert record_of(resumed)["counts"] == {
        "completed": 3,
        "failed": 2,
        "running": 0,
        "interrupted": 0,
    }


def test_lack_of_memory_is_tried_once_more_with_half_the_batch(begin):
    def needs_little(settings):
        if settings.batch_size > 4:
            raise out_of_memory.OutOfMemory("too large")
        return 0.5

    train = StandIn(needs_little)
    space = Space((Choice("batch_size", (8,)), Choice("norm", ("batch", "group"))))
    tuner = begin(make_plan(trials=1, space=space), train)
    tuner.search()
    (trial,) = record_of(tuner)["trials"]
    assert trial["status"] == "completed"
    assert [(s.batch_size, s.accumulate) for s in train.seen] == [(8, 1), (4, 2)]
    assert "batches of 8" in trial["remarks"][0] and "of 4, 2" in trial["remarks"][0]


def test_lack_of_memory_is_not_tried_for_ever(begin):
    def never(settings):
        raise out_of_memory.OutOfMemory("too large")

    train = StandIn(never)
    tuner = begin(make_plan(trials=1), train)
    tuner.search()
    (trial,) = record_of(tuner)["trials"]
    assert (trial["status"], trial["reason"]) == ("failed", "too large")
    assert len(train.seen) == 2


def test_hyperband_goes_on_with_the_run_it_promotes(begin):
    plan = make_plan(
        algorithm="hyperband", trials=None, settings=Settings(app="a", epochs=9)
    )
    train = StandIn()
    tuner = begin(plan, train)
    tuner.search()
    content = record_of(tuner)
    promoted = [trial for trial in content["trials"] if trial["promoted_from"]]
    assert promoted
    by_id = {trial["id"]: trial for trial in content["trials"]}
    for trial in promoted:
        past = by_id[trial["promoted_from"]]
        start = train.starts[int(trial["id"])]
        assert start == past["figures"]["epochs"] > 0
        assert trial["values"] == past["values"]
        # The schedule of the learning rate is that of a whole training.
        assert train.seen[int(trial["id"])].epochs == 9
    # Hyperband has a rule of its own.
    assert not any(trial["ended_by_median_rule"] for trial in content["trials"])


def test_a_failed_trial_keeps_no_hyperband_bracket_from_its_last_round(begin):
    counter = itertools.count()

    def third_fails(settings):
        if next(counter) == 2:
            raise RuntimeError("no")
        return settings.learning_rate

    plan = make_plan(
        algorithm="hyperband", trials=None, settings=Settings(app="a", epochs=9)
    )
    tuner = begin(plan, StandIn(third_fails))
    tuner.search()
    content = record_of(tuner)
    assert content["trials"][2]["status"] == "failed"
    # Rounds of the first bracket: nine, three and one.
    done = [t for t in content["trials"] if t["status"] == "completed"]
    rounds = [tuner.oracle.trials[t["id"]].hyperparameters.values for t in done]
    first = [v["tuner/round"] for v in rounds if v["tuner/bracket"] == 2]
    assert [first.count(number) for number in range(3)] == [8, 3, 1]
    assert "2" not in {trial["promoted_from"] for trial in content["trials"]}


@pytest.mark.parametrize("algorithm", ["random", thorough("bayesian")])
def test_the_median_rule_ends_bad_trials_and_says_what_it_saved(begin, algorithm):
    losses = iter([0.1, 0.1, 0.1, 0.1, 0.9, 0.05])
    plan = make_plan(
        algorithm=algorithm, settings=Settings(app="a", epochs=10), trials=6
    )
    tuner = begin(plan, StandIn(lambda settings: next(losses)))
    tuner.search()
    content = record_of(tuner)
    ended = [trial["ended_by_median_rule"] for trial in content["trials"]]
    assert ended == [False, False, False, False, True, False]
    saved = content["saved"]["median_rule"]
    assert saved == {"trials": 1, "epochs": 7, "seconds": 14.0}


def test_without_the_median_rule_all_trials_are_trained_to_the_end(begin):
    losses = iter([0.1, 0.1, 0.1, 0.1, 0.9, 0.05])
    plan = make_plan(settings=Settings(app="a", epochs=10), median_rule=False)
    tuner = begin(plan, StandIn(lambda settings: next(losses)))
    tuner.search()
    content = record_of(tuner)
    assert not any(trial["ended_by_median_rule"] for trial in content["trials"])


def test_two_objectives_give_fronts_and_no_sum(begin):
    plan = make_plan(
        objectives=(Objective("val_loss", "min"), Objective("parameters", "min")),
        trials=10,
    )
    tuner = begin(plan)
    tuner.search()
    content = record_of(tuner)
    first = [trial for trial in content["trials"] if trial["front"] == 1]
    assert {t["id"] for t in content["best"]} == {t["id"] for t in first}
    # One of each batch size cannot be beaten: the one with the smallest loss.
    sizes = {trial["objective"][1] for trial in content["trials"]}
    assert len(first) <= len(sizes)
    assert all(len(trial["objective"]) == 2 for trial in content["trials"])


def test_a_worker_that_always_dies_in_a_trial_fails_it(begin):
    tuner = begin(make_plan(trials=2))
    tuner.deaths = 4
    tuner.search()
    content = record_of(tuner)
    assert [trial["status"] for trial in content["trials"]] == ["failed", "completed"]
    assert "crashed 4 times" in content["trials"][0]["reason"]


def test_ending_a_trial_twice_counts_once(begin):
    tuner = begin(make_plan(trials=2))
    tuner.search()
    trial = tuner.oracle.trials["0"]
    tuner.oracle.end_trial(trial)
    assert tuner.oracle.end_order == ["0", "1"]


def test_a_vanished_workers_trial_goes_to_another(begin):
    tuner = begin(make_plan(trials=2, hang_minutes=1e-9))
    lost = tuner.oracle.create_trial("worker-far-away")
    tuner.search()
    content = record_of(tuner)
    assert lost.trial_id == "0"
    assert [trial["status"] for trial in content["trials"]] == ["completed"] * 2


def test_the_state_is_one_whole_file(begin, tmp_path):
    tuner = begin(make_plan(trials=2))
    tuner.search()
    state = json.loads((tmp_path / "keras_tuner" / "oracle.json").read_text())
    assert [trial["trial_id"] for trial in state["trials"]] == ["0", "1"]
    assert state["ongoing_trials"] == {}


@pytest.mark.thorough
def test_all_values_are_from_the_space(begin):
    tuner = begin(make_plan(algorithm="bayesian", trials=5))
    tuner.search()
    for values in values_of(record_of(tuner)):
        assert values["norm"] in SPACE.parameters[0].values
        assert 1e-3 <= values["learning_rate"] <= 1e-1
