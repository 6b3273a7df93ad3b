"""A checkpoint restores the state of every kind of training bit by bit."""

import keras
import numpy as np
import pytest

from kerasnorm import callbacks
from kerasnorm.callbacks import checkpoint_files
from kerasnorm.inspection import training_state
from tests.callbacks.checkpoint_rows import BUILDERS, LARGE, NESTS, SMALL
from tests.callbacks.kinds import KINDS
from tests.callbacks.test_checkpoint import Kill, Killed, Rows

pytestmark = pytest.mark.backends

STEPS, EPOCHS = 3, 3
# In the first batch, in mid-epoch, in validation, after the last epoch.
MOMENTS = [
    ("batch", 0, 0),
    ("batch", 1, 1),
    ("validation", 1, 0),
    ("epoch_end", EPOCHS - 1, None),
]
# Scalar weights, moving statistics, random numbers, a second copy of the weights, other
# variables for other weights, an optimizer around an optimizer.
QUICK = (
    "norm none",
    "norm switchable",
    "layer StochasticDepth",
    "optimizer Lookahead",
    "optimizer Muon",
    "optimizer scaled",
)


def named(rows, *marks):
    return [pytest.param(row, id=row.name, marks=marks) for row in rows]


def batch_of(row, step):
    draw = np.random.default_rng(step)
    x = draw.normal(size=(4, *row.shape)).astype("float32")
    return x, x.reshape(4, -1)[:, :2] * 2


def everything(model):
    """All that decides how a training continues, by name."""
    optimizer = training_state.optimizer_variables(model.optimizer)
    variables = [*model.variables, *optimizer]
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def assert_equal(first, second):
    keras.tree.map_structure(np.testing.assert_array_equal, first, second)


def test_the_tables_hold_what_is_known():
    assert {"convnet", "resnet", "nfnet", "backbone"} <= set(BUILDERS)
    assert set(QUICK) <= {row.name for row in SMALL}


@pytest.mark.parametrize(
    "row",
    [
        *named([row for row in SMALL if row.name in QUICK]),
        *named([row for row in SMALL if row.name not in QUICK], pytest.mark.thorough),
        *named(NESTS, pytest.mark.thorough),
        *named(LARGE, pytest.mark.slow),
    ],
)
def test_state_comes_back_through_a_file(row, tmp_path):
    keras.utils.set_random_seed(1)
    model = row.compiled()
    model.train_on_batch(*batch_of(row, 0))
    stopping = callbacks.EarlyStopping()
    stopping.set_model(model)
    stopping.best_weights = model.get_weights()
    captured = training_state.capture(model) | {"stopping": stopping.get_state()}
    checkpoint_files.write(tmp_path / "checkpoint", captured)
    before = everything(model)
    # Another program: other weights, other random numbers, nothing built.
    keras.utils.clear_session()
    keras.utils.set_random_seed(2)
    other = row.compiled()
    state = checkpoint_files.read_newest(tmp_path / "checkpoint").state
    training_state.put_back(other, state)
    assert_equal(everything(other), before)
    again = callbacks.EarlyStopping()
    again.set_model(other)
    again.set_state(state["stopping"])
    assert_equal(again.best_weights, model.get_weights())
    # What `fit` does with them at its end.
    other.set_weights(again.best_weights)
    for one in (model, other):
        training_state.random_state.put_back(state["random"])
        one.train_on_batch(*batch_of(row, 1))
    assert_equal(everything(other), everything(model))


def train(row, folder, moment=None, kill=Kill):
    """Train until killed or done; all that must not depend on the interruptions."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(5)
    model = row.compiled()
    stopping, rows = callbacks.EarlyStopping(patience=9), Rows()
    # Large models would write for minutes after every batch.
    seconds = 1e9 if row in LARGE else 1e-9
    checkpoint = callbacks.Checkpoint(folder, [stopping, rows], every_seconds=seconds)
    position = checkpoint.restore(model, batch_of(row, 0))

    def batches(step):
        while True:
            yield batch_of(row, step)
            step += 1

    model.fit(
        batches(position.epoch * STEPS + position.batch),
        steps_per_epoch=STEPS,
        initial_epoch=position.epoch,
        epochs=EPOCHS,
        validation_data=batch_of(row, 99),
        validation_batch_size=2,
        shuffle=False,
        callbacks=[rows, checkpoint, kill(moment), stopping],
        verbose=0,
    )
    return {
        "rows": rows.rows,
        "all": everything(model),
        "stopping": stopping.get_state(),
    }


@pytest.mark.parametrize(
    "row",
    [
        *named(SMALL[:1], pytest.mark.thorough),
        *named([*SMALL[1:], *NESTS, *LARGE], pytest.mark.slow),
    ],
)
def test_killed_at_every_moment_it_ends_like_an_unbroken_one(row, tmp_path):
    unbroken = train(row, tmp_path / "unbroken")
    for moment in MOMENTS:
        with pytest.raises(Killed):
            train(row, tmp_path / "killed", moment)
    assert_equal(train(row, tmp_path / "killed"), unbroken)


STATEFUL = [kind for kind in KINDS if hasattr(kind, "get_state")]


@pytest.mark.parametrize("kind", STATEFUL, ids=lambda kind: kind.__name__)
def test_callbacks_take_back_what_they_tell(kind, tmp_path):
    known = {"minutes": 5.0} if kind is callbacks.TimeLimit else {}
    one, other = kind(**known), kind(**known)
    for name, value in one.get_state().items():
        # Values that a new callback does not have.
        odd = {float: 1.25, int: 3, bool: True}.get(type(value))
        if odd is not None and hasattr(one, name):
            setattr(one, name, odd)
    told = one.get_state()
    checkpoint_files.write(tmp_path / "checkpoint", told)
    other.set_state(checkpoint_files.read_newest(tmp_path / "checkpoint").state)
    assert other.get_state() == told
