"""What one trial writes down, with a stand-in for training."""

import pytest

from kerasnorm.training.loop.hooks import Hooks
from kerasnorm.training.runner import Run
from kerasnorm.training.settings import Settings
from tests.tuning.conftest import StandIn, make_plan
from tuning.plan import SearchDirectory, read_json
from tuning.record import search_summary
from tuning.workers.trial import EPOCHS, PROMOTED_FROM, TrialFailed, TrialRun, not_spent

VALUES = {"norm": "group", "optimizer": "sgd", "learning_rate": 0.01, "batch_size": 8}


@pytest.mark.parametrize(
    "epochs, seconds, max_minutes, expected",
    [
        (4, 8.0, None, (6, 12.0)),
        (10, 20.0, None, (0, 0.0)),
        # Time would have ended it after two more epochs.
        (4, 8.0, 0.2, (2, 4.0)),
        # Time has ended it.
        (6, 12.0, 0.2, (0, 0.0)),
        (0, 0.0, None, (10, 0.0)),
    ],
)
def test_an_early_end_saves_what_would_have_been_trained(
    epochs, seconds, max_minutes, expected
):
    report = {"epochs": epochs, "seconds": seconds}
    assert not_spent(report, 10, max_minutes) == expected


def ends(reason, epochs):
    """Return a stand-in for a run that ends for a reason after so many epochs."""

    def train(settings, hooks):
        figures = {"validation_loss": 0.5, "epochs": epochs, "seconds": 2.0 * epochs}
        return Run(None, {**figures, "stopped_because": reason})

    return train


@pytest.mark.parametrize(
    "reason, name, other",
    [
        ("val_loss has not improved on 0.5 for 2 epochs", "patience", "median_rule"),
        ("the median rule ended it", "median_rule", "patience"),
    ],
)
def test_what_is_saved_is_put_down_to_whom_it_is_due(tmp_path, reason, name, other):
    plan, directory = make_plan(), SearchDirectory(tmp_path)
    TrialRun(plan, directory, "0", VALUES, Hooks(), ends(reason, 3)).run()
    note = read_json(directory.note_file("0"))
    saved = search_summary.saved_time([note])
    assert saved[name] == {"trials": 1, "epochs": 1, "seconds": 2.0}
    assert saved[other]["trials"] == 0


def test_promoting_what_left_no_checkpoint_begins_anew(tmp_path):
    plan, directory = make_plan(settings=Settings(app="a")), SearchDirectory(tmp_path)
    train = StandIn()
    values = {**VALUES, EPOCHS: 3, PROMOTED_FROM: "7"}
    run = TrialRun(plan, directory, "8", values, Hooks(), train)
    assert run.run() == {"val_loss": 0.01}
    assert train.starts == [0]
    assert "trial 7 has left no checkpoint" in run.note["remarks"][0]


def test_a_damaged_checkpoint_costs_the_epochs_and_not_the_trial(tmp_path):
    plan, directory = make_plan(), SearchDirectory(tmp_path)
    TrialRun(plan, directory, "0", VALUES, Hooks(), StandIn()).run()
    train = StandIn()

    def damaged(settings, hooks):
        if settings.resume:
            raise ValueError("no checkpoint can be read")
        return train(settings, hooks)

    run = TrialRun(plan, directory, "0", VALUES, Hooks(), damaged)
    run.run()
    assert train.starts == [0]
    assert "from the beginning: no checkpoint can be read" in run.note["remarks"][0]


def test_a_run_in_the_place_of_a_trial_is_left_alone(tmp_path):
    plan, directory = make_plan(), SearchDirectory(tmp_path)
    for _ in range(2):
        folder = directory.run(plan, "1")
        (folder / "checkpoint").mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text("mine")
        run = TrialRun(plan, directory, "1", VALUES, Hooks(), StandIn())
        with pytest.raises(TrialFailed, match="move it elsewhere"):
            run.run()
        assert (folder / "report.json").read_text() == "mine"
