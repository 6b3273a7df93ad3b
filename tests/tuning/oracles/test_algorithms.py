import pytest

from kerasnorm.training.settings import Settings
from tuning.objectives import parse
from tuning.oracles.algorithms import make_oracle
from tuning.oracles.untried import identity, untried
from tuning.parameters import Choice, Range
from tuning.plan import Plan, SearchDirectory
from tuning.spaces import Space

CHOICES = Space(
    (
        Choice("norm", ("batch", "group", "frn")),
        Choice("batch_size", (8, 16, 32)),
        Choice("optimizer", ("sgd", "adam")),
    )
)
CONDITIONS = Space(
    (
        Choice("model", ("convnet", "resnet")),
        Choice("width", (8, 16, 32), ("model", ("convnet",))),
        Range("dropout", 0.0, 0.75, step=0.25),
    )
)
STEPS = Space(
    (
        Range("dropout", 0.1, 0.3, step=0.1),
        Range("weight_decay", 1e-4, 1e-2, step=10, log=True),
        Range("width", 8, 9, whole=True),
    )
)
# Name: space, and the number of different trainings it holds.
SPACES = {
    "choices": (CHOICES, 18),
    "conditions": (CONDITIONS, 16),
    "steps": (STEPS, 18),
}


def search(tmp_path, space, algorithm, trials):
    """Play a whole search with a smooth objective; return what was tried."""
    settings = Settings(app="cats_dogs")
    plan = Plan(settings, space, parse(["val_loss"]), algorithm, trials)
    directory = SearchDirectory(tmp_path / "search")
    directory.write_plan(plan)
    oracle = make_oracle(plan, directory)
    oracle._set_project_dir(str(directory.path), "keras_tuner")
    tried = []
    while len(tried) < 100:
        trial = oracle.create_trial("worker")
        if trial.status != "RUNNING":
            return tried, oracle.ended_because
        values = trial.hyperparameters.values
        tried.append(identity(space.parameters, values))
        loss = sum(len(str(value)) for value in values.values()) / 10
        oracle.update_trial(trial.trial_id, {"val_loss": loss})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    raise AssertionError("the search does not end")


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize(
    "algorithm",
    ["random", "grid", pytest.param("bayesian", marks=pytest.mark.thorough)],
)
def test_every_combination_is_tried_once(tmp_path, name, algorithm):
    space, count = SPACES[name]
    tried, reason = search(tmp_path, space, algorithm, count + 5)
    assert len(set(tried)) == len(tried) == count
    assert reason == "the space holds no further trials"


@pytest.mark.parametrize("algorithm", ["random", "bayesian"])
def test_an_infinite_space_never_ends(tmp_path, algorithm):
    space = Space((Choice("norm", ("batch", "frn")), Range("dropout", 0.0, 0.5)))
    tried, reason = search(tmp_path, space, algorithm, 8)
    assert len(set(tried)) == 8
    assert reason == "all trials are done"


def test_what_has_no_meaning_does_not_make_a_combination_new():
    values = {"model": ["convnet", "resnet"], "width": [8, 16], "dropout": [0.0, 0.3]}
    trials = [{"model": "resnet", "width": 8, "dropout": 0.1 + 0.2}]
    left = list(untried(CONDITIONS.parameters, values, trials))
    assert {"model": "resnet", "dropout": 0.0} in left
    assert {"model": "resnet", "dropout": 0.3} not in left
    assert len(left) == 5  # Of 2 x 2 and 2, one is tried.
