"""All that Keras can do with a compiled model, with every optimizer and wrapper."""

import copy

import keras
import numpy as np
import pytest

from kerasnorm import optimizers
from kerasnorm.optimizers.wrapper import OptimizerWrapper
from tests.marks import thorough
from tests.optimizers import harness

PUBLIC = [
    cls
    for name in optimizers.__all__
    if isinstance(cls := getattr(optimizers, name), type)
    and issubclass(cls, keras.optimizers.Optimizer)
]
WRAPPERS = [cls for cls in PUBLIC if issubclass(cls, OptimizerWrapper)]


def make(*classes):
    """Make an optimizer, the outermost class first, around SGD if all are wrappers."""
    *wrappers, inner = classes
    if inner is optimizers.Ranger21 or not issubclass(inner, OptimizerWrapper):
        optimizer = inner(0.01)
    else:
        optimizer = inner(keras.optimizers.SGD(0.05, momentum=0.9))
    for cls in reversed(wrappers):
        optimizer = cls(optimizer)
    return optimizer


# SAM goes outside: it needs a training step of its own.
NESTED = [
    (outer, inner)
    for outer in WRAPPERS
    for inner in PUBLIC
    if inner is not optimizers.SAM and optimizers.Ranger21 is not outer
]
QUICK = [(optimizers.AGC,), (optimizers.Lookahead,)]
OTHERS = [row for row in [(cls,) for cls in PUBLIC] + NESTED if row not in QUICK]
ROWS = QUICK + [thorough(row) for row in OTHERS]
every_optimizer = pytest.mark.parametrize(
    "classes", ROWS, ids=lambda row: "-".join(cls.__name__ for cls in row)
)
only_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the format is TensorFlow's"
)
X, Y = harness.small_data(16)


def trained(classes, epochs=1, callbacks=(), **arguments):
    model = compiled(classes, **arguments)
    model.fit(
        X,
        Y,
        epochs=epochs,
        batch_size=4,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
    )
    return model


def compiled(classes, **arguments):
    model = harness.small_model(norm=False)
    model.compile(make(*classes), "mse", **arguments)
    return attached(model)


def attached(model):
    if isinstance(model.optimizer, optimizers.SAM):
        model.optimizer.attach(model)
    return model


def predictions(model):
    return keras.ops.convert_to_numpy(model(X))


def assert_same_updates(model, other):
    """Check that two models go on alike, state of their optimizers included."""
    for one in (model, other):
        attached(one).fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    assert harness.max_difference(model, other) == 0.0


@only_tensorflow
@every_optimizer
def test_export(classes, tmp_path):
    import tensorflow as tf

    model = trained(classes)
    model.export(tmp_path / "export", verbose=False)
    # Held by a name: the signature alone does not keep its variables alive.
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    np.testing.assert_allclose(loaded.serve(X), predictions(model), atol=1e-6)
    tf.saved_model.save(model, str(tmp_path / "saved_model"))


@only_tensorflow
@pytest.mark.thorough
@every_optimizer
def test_lite_conversion(classes):
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(trained(classes))
    assert len(converter.convert()) > 0


@only_tensorflow
@every_optimizer
def test_tensorflow_checkpoints_bring_all_state_back(classes, tmp_path):
    import tensorflow as tf

    model, other = trained(classes), trained(classes, epochs=2)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
    path = checkpoint.write(str(tmp_path / "checkpoint"))
    tf.train.Checkpoint(model=other, optimizer=other.optimizer).read(path)
    for one, two in zip(
        model.optimizer.variables, other.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(one.numpy(), two.numpy(), err_msg=one.path)
    assert harness.max_difference(model, other) == 0.0


@pytest.mark.backends
@every_optimizer
def test_saved_models_go_on_exactly(classes, tmp_path):
    model = trained(classes)
    model.save(tmp_path / "model.keras")
    assert_same_updates(model, keras.saving.load_model(tmp_path / "model.keras"))


@pytest.mark.backends
@every_optimizer
def test_copies_and_clones(classes):
    model = trained(classes)
    config = model.get_compile_config()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    clone.compile_from_config(config)
    assert type(clone.optimizer) is classes[0]
    assert clone.optimizer.get_config() == model.optimizer.get_config()
    duplicate = copy.deepcopy(model)
    np.testing.assert_array_equal(predictions(duplicate), predictions(model))


@pytest.mark.backends
@every_optimizer
def test_backups_bring_all_state_back(classes, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        trained(classes, epochs=2, callbacks=[backup, Stop()])
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    resumed = compiled(classes)
    resumed.optimizer.build(resumed.trainable_variables)
    arguments = {"epochs": 2, "batch_size": 4, "shuffle": False, "verbose": 0}
    resumed.fit(X, Y, callbacks=[backup], **arguments)
    assert harness.max_difference(resumed, trained(classes, epochs=2)) == 0.0


@pytest.mark.backends
@every_optimizer
def test_averaged_weights_are_swapped_in_for_validation(classes):
    model = compiled(classes)
    core = model.optimizer
    while isinstance(core, OptimizerWrapper):
        core = core.inner_optimizer
    core.use_ema = True
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    model.fit(X, Y, batch_size=4, verbose=0, callbacks=[swap], validation_data=(X, Y))
    averages = core._model_variables_moving_average
    for average, variable in zip(averages, model.trainable_variables, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(average), keras.ops.convert_to_numpy(variable)
        )


@pytest.mark.backends
@every_optimizer
def test_several_steps_an_execution_are_the_same_steps(classes):
    one, several = trained(classes), trained(classes, steps_per_execution=2)
    difference = harness.max_difference(one, several)
    # Compiled as another program, which may round otherwise.
    assert difference < 1e-6
