"""Models that are trained by several optimizers at once."""

import keras
import numpy as np
import pytest

from kerasnorm import callbacks, doctor, surgery
from kerasnorm.doctor.probes.optimizer import inspect_optimizer
from kerasnorm.inspection.learning_rates import learning_rates
from tests.callbacks.kinds import KINDS, arguments_of
from tests.marks import thorough

pytestmark = pytest.mark.backends

X = np.random.default_rng(0).normal(size=(16, 5)).astype("float32")
BATCHES = [(X[i : i + 8], X[i : i + 8, :1]) for i in (0, 8)]
# What sets one learning rate has none to set here.
REFUSED = (callbacks.TimeAwareSchedule, callbacks.LearningRateFinder)
ROWS = [thorough(k) if k is doctor.DoctorCallback else k for k in KINDS]


def choose(variable):
    if "kernel" in variable.path:
        return keras.optimizers.Adam(0.01, use_ema=True, name="one")
    return keras.optimizers.SGD(0.25, name="other")


def compiled(optimizer=None):
    stack = [keras.layers.BatchNormalization(), keras.layers.Dense(1, name="dense")]
    model = keras.Sequential([keras.Input((5,)), *stack])
    optimizer = optimizer or keras.optimizers.MultiOptimizer(choose)
    eager = keras.config.backend() == "tensorflow"
    model.compile(optimizer, "mse", run_eagerly=eager)
    return model


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.__name__)
def test_every_callback_works_or_says_what_it_expects(kind, tmp_path):
    model = compiled()
    callback = kind(**arguments_of(kind, BATCHES, tmp_path))
    if kind is callbacks.EarlyStopping:
        callback.monitor = "loss"

    def fit():
        return model.fit(X, X[:, :1], callbacks=[callback], verbose=0).history

    if kind in REFUSED:
        with pytest.raises(ValueError, match="expected an optimizer with one learning"):
            fit()
        return
    history = fit()
    if kind is callbacks.LearningRateLog:
        # Of gamma, beta, kernel and bias; those of one name are numbered.
        expected = {"other_1": 0.25, "other_2": 0.25, "one": 0.01, "other_4": 0.25}
        for name, rate in expected.items():
            assert history[f"learning_rate/{name}"] == pytest.approx([rate])


def test_one_optimizer_has_one():
    wrapped = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5))
    assert learning_rates(wrapped) == {"learning_rate": 0.5}


def test_the_doctor_sees_what_is_true_of_one_of_them():
    model = compiled()
    model.fit(X, X[:, :1], verbose=0)
    state = inspect_optimizer(model)
    assert state.uses_ema
    assert state.learning_rate is None
    model.get_layer("dense").trainable = False
    frozen = inspect_optimizer(model).frozen_but_trained
    assert [path.split("/")[-1] for path in frozen] == ["kernel", "bias"]


@pytest.mark.thorough
def test_preflight_takes_optimizers_that_a_function_chooses():
    doctor.preflight(compiled(), BATCHES)


def test_surgery_takes_optimizers_that_a_function_chooses():
    swapped, _ = surgery.swap_norm(compiled(), "layer_channels")
    swapped.fit(X, X[:, :1], verbose=0)
    assert len(learning_rates(swapped.optimizer)) == 4
