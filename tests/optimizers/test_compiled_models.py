"""All that Keras can do with a compiled model, with every optimizer and wrapper."""

import copy
import itertools

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


def make(*classes, variables=4):
    """Make an optimizer, the outermost class first, around SGD if all are wrappers."""
    *wrappers, inner = classes
    if inner is optimizers.Ranger21 or not issubclass(inner, OptimizerWrapper):
        optimizer = inner(0.01)
    else:
        sgd = keras.optimizers.SGD(0.05, momentum=0.9)
        optimizer = harness.around(inner, sgd, variables)
    for cls in reversed(wrappers):
        optimizer = harness.around(cls, optimizer, variables)
    return optimizer


# SAM goes outside: it needs a training step of its own.
NESTED = [
    (outer, inner)
    for outer in WRAPPERS
    for inner in PUBLIC
    if inner is not optimizers.SAM and optimizers.Ranger21 is not outer
]
SINGLE = [(cls,) for cls in PUBLIC]
# Each wrapper around the next one; all other pairs are slow.
CHAINED = list(itertools.pairwise(WRAPPERS))
PAIRS = [pair for pair in NESTED if pair in CHAINED or pair[::-1] in CHAINED]


def rows(quick, thoroughly):
    """Mark all optimizers: a few for each run, some for CI, the rest slow."""
    slow = pytest.mark.slow
    return [
        row
        if row in quick
        else thorough(row)
        if row in thoroughly
        else pytest.param(row, marks=slow)
        for row in SINGLE + NESTED
    ]


# Tests share one trained model, but for those that train models of their own.
ROWS = rows([(optimizers.AGC,), (optimizers.Lookahead,)], SINGLE + PAIRS)
FEW_ROWS = rows([(optimizers.Lookahead,)], SINGLE + PAIRS[:1])
only_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the format is TensorFlow's"
)
X, Y = np.random.default_rng(3).normal(size=(2, 8, 3)).astype("float32")
BATCHES = {"batch_size": 4, "shuffle": False, "verbose": 0}


def named(row):
    return "-".join(cls.__name__ for cls in row)


few_optimizers = pytest.mark.parametrize("classes", FEW_ROWS, ids=named)


@pytest.fixture(scope="module", params=ROWS, ids=named)
def model(request):
    """A trained model, which tests leave as it is."""
    return trained(request.param)


def trained(classes, epochs=1, callbacks=(), **arguments):
    model = compiled(classes, **arguments)
    model.fit(X, Y, epochs=epochs, callbacks=list(callbacks), **BATCHES)
    return model


def compiled(classes, run_eagerly=True, **arguments):
    """Compile a network of few weights, eagerly: tracing takes longer than training."""
    keras.utils.set_random_seed(7)
    stack = [keras.layers.Dense(3), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((3,)), *stack])
    model.compile(
        make(*classes), "mse", run_eagerly=run_eagerly, jit_compile=False, **arguments
    )
    return attached(model)


def attached(model):
    if isinstance(model.optimizer, optimizers.SAM):
        model.optimizer.attach(model)
    return model


def predictions(model):
    return keras.ops.convert_to_numpy(model(X))


def assert_same_state(model, other):
    """Check that weights and the state of the optimizers are the same numbers."""
    for one, two in zip(
        (*model.variables, *model.optimizer.variables),
        (*other.variables, *other.optimizer.variables),
        strict=True,
    ):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(one),
            keras.ops.convert_to_numpy(two),
            err_msg=one.path,
        )


@pytest.mark.backends
def test_a_second_build_does_nothing(model):
    before = [variable.path for variable in model.optimizer.variables]
    model.optimizer.build(model.trainable_variables)
    assert [variable.path for variable in model.optimizer.variables] == before


@only_tensorflow
def test_export(model, tmp_path):
    import tensorflow as tf

    model.export(tmp_path / "export", verbose=False)
    # Held by a name: the signature alone does not keep its variables alive.
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    np.testing.assert_allclose(loaded.serve(X), predictions(model), atol=1e-6)
    tf.saved_model.save(model, str(tmp_path / "saved_model"))


@only_tensorflow
@pytest.mark.thorough
def test_lite_conversion(model):
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    assert len(converter.convert()) > 0


@only_tensorflow
def test_tensorflow_checkpoints_bring_all_state_back(model, tmp_path):
    import tensorflow as tf

    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
    path = checkpoint.write(str(tmp_path / "checkpoint"))
    other = keras.models.clone_model(model)
    other.compile_from_config(model.get_compile_config())
    other.optimizer.build(other.trainable_variables)
    tf.train.Checkpoint(model=other, optimizer=other.optimizer).read(path)
    assert_same_state(model, other)


@pytest.mark.backends
def test_saved_models_have_all_state(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    assert_same_state(model, loaded)


@pytest.mark.backends
def test_copies_and_clones(model):
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    clone.compile_from_config(model.get_compile_config())
    assert type(clone.optimizer) is type(model.optimizer)
    assert clone.optimizer.get_config() == model.optimizer.get_config()
    duplicate = copy.deepcopy(model)
    np.testing.assert_array_equal(predictions(duplicate), predictions(model))


@pytest.mark.backends
@few_optimizers
def test_saved_models_go_on_exactly(classes, tmp_path):
    model = trained(classes)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        attached(one).fit(X, Y, **BATCHES)
    assert_same_state(model, loaded)


@pytest.mark.backends
@few_optimizers
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
    resumed.fit(X, Y, epochs=2, callbacks=[backup], **BATCHES)
    assert_same_state(resumed, trained(classes, epochs=2))


@pytest.mark.backends
@few_optimizers
def test_averaged_weights_are_swapped_in_for_validation(classes):
    model = compiled(classes)
    core = model.optimizer
    while isinstance(core, OptimizerWrapper):
        core = core.inner_optimizer
    core.use_ema = True
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    model.fit(X, Y, callbacks=[swap], validation_data=(X, Y), **BATCHES)
    averages = core._model_variables_moving_average
    for average, variable in zip(averages, model.trainable_variables, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(average), keras.ops.convert_to_numpy(variable)
        )


@pytest.mark.backends
@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras takes single steps on torch"
)
@few_optimizers
def test_several_steps_an_execution_are_the_same_steps(classes):
    one = trained(classes, run_eagerly=False)
    several = trained(classes, run_eagerly=False, steps_per_execution=2)
    # Compiled as another program, which may round otherwise.
    assert harness.max_difference(one, several) < 1e-6
