"""Every optimizer and every callback trains every kind of model: no row is missing."""

import keras
import numpy as np
import pytest

from kerasnorm import callbacks, optimizers
from kerasnorm.doctor import DoctorCallback
from kerasnorm.optimizers.wrapper import OptimizerWrapper
from tests.doctor.model_kinds import (
    KINDS,
    NETWORKS,
    SIZE,
    TRAIN,
    Batches,
    cut,
    numbers,
)
from tests.doctor.own_steps import Frame

SCHEDULES = ("WarmupCosine", "WarmupStableDecay")
# SAM needs a step of its own.
OWN_STEPS = ("gan", "own_step", "frame")
# Names of `kerasnorm.callbacks` that are no callbacks: a record.
RECORDS = {"TrainingPosition"}
# A search that is a call of its own; `test_model_kinds` has it.
SEARCHES = {"LearningRateFinder"}
ADAM = keras.optimizers.Adam
IN_FIT = set(callbacks.__all__) - RECORDS - SEARCHES | {"DoctorCallback"}


def optimizer_of(name):
    """Return an optimizer of the name, around or beside what Keras has."""
    kind = getattr(optimizers, name)
    if name in SCHEDULES:
        return ADAM(kind(0.01, 20))
    wraps = issubclass(kind, OptimizerWrapper) and name != "Ranger21"
    return kind(ADAM(0.01)) if wraps else kind(0.01)


def callbacks_of(kind, train, folder):
    """Return one callback of each public class, as a kind of model takes it."""
    monitor = "loss" if kind == "gan" else "val_loss"
    made = {
        "Checkpoint": callbacks.Checkpoint(folder / "checkpoint"),
        "DoctorCallback": DoctorCallback(train, seconds=5),
        "EarlyStopping": callbacks.EarlyStopping(monitor, patience=1),
        "LearningRateLog": callbacks.LearningRateLog(),
        "NormStatistics": callbacks.NormStatistics(train),
        "TimeAwareSchedule": callbacks.TimeAwareSchedule(
            lambda step: 0.01, 20, lambda: 0.0
        ),
        "RecalibrateBatchNorm": callbacks.RecalibrateBatchNorm(train),
        "Throughput": callbacks.Throughput(SIZE),
        "TimeLimit": callbacks.TimeLimit(minutes=5),
    }
    assert set(made) == IN_FIT
    if kind == "gan":
        # Its class has no optimizer that the schedule could follow.
        del made["TimeAwareSchedule"]
    if kind == "frame":
        # It has no outputs to examine, and is told so before the training.
        del made["DoctorCallback"]
    return list(made.values())


def compiled(kind, name):
    keras.utils.set_random_seed(0)
    model, settings, data = KINDS[kind]()
    if "judge_optimizer" in settings:
        settings = {key: optimizer_of(name) for key in settings}
    else:
        settings = {**settings, "optimizer": optimizer_of(name), "jit_compile": False}
    model.compile(**settings)
    train = cut(data, 0, TRAIN)
    # A GAN's own step calls its parts only, and an unbuilt model cannot be saved.
    if kind != "frame":
        model(train[0][0])
    if name == "SAM" and kind not in OWN_STEPS:
        model.optimizer.attach(model)
    return model, train


@pytest.mark.slow
@pytest.mark.parametrize("name", optimizers.__all__)
@pytest.mark.parametrize("kind", NETWORKS)
def test_every_optimizer_trains_every_network_and_is_saved(kind, name, tmp_path):
    model, train = compiled(kind, name)
    if name == "SAM" and kind in OWN_STEPS:
        with pytest.raises(RuntimeError, match="two gradients a step"):
            model.fit(Batches(train), epochs=1, verbose=0)
        return
    history = model.fit(Batches(train), epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    model.save_weights(tmp_path / "model.weights.h5")
    other, _ = compiled(kind, name)
    other.fit(Batches(train[:1]), epochs=1, verbose=0)
    other.load_weights(tmp_path / "model.weights.h5")
    # The next steps are the same: weights and states of the optimizer are.
    ends = []
    for each in (model, other):
        keras.utils.set_random_seed(1)
        each.fit(Batches(train), epochs=1, verbose=0, shuffle=False)
        ends.append(each.get_weights())
    for ours, theirs in zip(*ends, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:Expected Adversaries to call all:UserWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_every_callback_trains_every_kind(kind, tmp_path):
    model, train = compiled(kind, "AdaPNM" if kind == "regression" else "Muon")
    used = callbacks_of(kind, train, tmp_path)
    validation = {} if kind == "gan" else {"validation_data": Batches(train[:2])}
    history = model.fit(
        Batches(train), epochs=2, verbose=0, callbacks=used, **validation
    )
    assert np.isfinite(history.history["loss"]).all()
    (checkpoint,) = (x for x in used if isinstance(x, callbacks.Checkpoint))
    checkpoint.restore(model, train[0])


def test_a_model_that_cannot_be_examined_is_refused_before_its_training():
    model = Frame()
    model.compile("sgd")
    with pytest.raises(ValueError, match="no `call`"):
        model.fit(numbers(5), callbacks=[DoctorCallback([])], verbose=0)
