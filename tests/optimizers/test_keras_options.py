"""Options and surroundings of Keras' optimizers, with every optimizer of ours."""

import keras
import numpy as np
import pytest

from kerasnorm import optimizers
from kerasnorm.optimizers.wrapper import OptimizerWrapper
from tests.marks import thorough_after
from tests.optimizers.harness import around
from tests.optimizers.test_compiled_models import PUBLIC

pytestmark = pytest.mark.backends

X, Y = np.random.default_rng(3).normal(size=(2, 12, 3)).astype("float32")
# To trace takes longer than to train.
EAGER = keras.config.backend() == "tensorflow"
# SAM takes two gradients a step: it has no plain `apply`.
APPLIED = [cls for cls in PUBLIC if cls is not optimizers.SAM]
every_optimizer = pytest.mark.parametrize("cls", PUBLIC, ids=lambda cls: cls.__name__)
applied = pytest.mark.parametrize("cls", APPLIED, ids=lambda cls: cls.__name__)


def wraps(cls):
    return issubclass(cls, OptimizerWrapper) and cls is not optimizers.Ranger21


def make(cls, **options):
    """Make an optimizer with options, which a wrapper leaves to the one inside."""
    if wraps(cls):
        inside = keras.optimizers.AdamW(0.01, weight_decay=0.1, **options)
        return around(cls, inside)
    return cls(0.01, **options)


def network():
    keras.utils.set_random_seed(7)
    stack = [keras.layers.Dense(4), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((3,)), *stack])


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def largest_difference(first, second):
    pairs = zip(first, second, strict=True)
    return max(np.max(np.abs(a - b), initial=0.0) for a, b in pairs)


def trained(optimizer, batch_size, epochs=7, callbacks=()):
    model = network()
    model.compile(optimizer, "mse", run_eagerly=EAGER, jit_compile=False)
    if isinstance(optimizer, optimizers.SAM):
        optimizer.attach(model)
    options = {"shuffle": False, "verbose": 0, "callbacks": list(callbacks)}
    model.fit(X, Y[:, :1], batch_size=batch_size, epochs=epochs, **options)
    return values(model.trainable_variables)


# With SAM each small batch climbs by its own gradient.
@pytest.mark.thorough
@applied
def test_accumulated_batches_are_one_large_batch(cls):
    whole = trained(make(cls), 12)
    parts = trained(make(cls, gradient_accumulation_steps=3), 4)
    assert largest_difference(whole, parts) < 1e-5
    assert largest_difference(whole, values(network().trainable_variables)) > 0.01


@pytest.mark.thorough
@every_optimizer
def test_learning_rates_are_set_and_read_through_every_wrapper(cls):
    seen = []

    def halve(epoch, rate):
        seen.append(rate)
        return rate / 2

    optimizer = make(cls)
    trained(optimizer, 12, 2, [keras.callbacks.LearningRateScheduler(halve)])
    assert seen == pytest.approx([0.01, 0.005])
    inner = optimizer.inner_optimizer if wraps(cls) else optimizer
    rate = keras.ops.convert_to_numpy(inner.learning_rate)
    assert float(rate) == pytest.approx(0.0025)


@pytest.mark.parametrize("cls", thorough_after(2, PUBLIC), ids=lambda c: c.__name__)
def test_weights_that_are_set_between_two_fits_stay(cls):
    model = network()
    model.compile(make(cls), "mse", run_eagerly=EAGER, jit_compile=False)
    if cls is optimizers.SAM:
        model.optimizer.attach(model)
    model.fit(X, Y[:, :1], verbose=0)
    given = [value + 3 for value in model.get_weights()]
    model.set_weights(given)
    model.optimizer.learning_rate = 1e-9
    # As many steps as bring an optimizer with a copy back to it.
    model.fit(X, Y[:, :1], batch_size=2, epochs=2, verbose=0)
    assert largest_difference(model.get_weights(), given) < 1e-4


def apply(optimizer, gradients, variables):
    """Take a step; on JAX Keras' loss scaling knows the stateless one only."""
    if keras.config.backend() != "jax":
        optimizer.apply(gradients, variables)
        return
    found = optimizer.stateless_apply(
        [v.value for v in optimizer.variables], gradients, [v.value for v in variables]
    )
    for variable, value in zip(variables, found[0], strict=True):
        variable.assign(value)
    for variable, value in zip(optimizer.variables, found[1], strict=True):
        variable.assign(value)


@applied
def test_gradients_that_overflow_change_nothing(cls):
    inner = make(cls)
    optimizer = keras.optimizers.LossScaleOptimizer(inner)
    variables = network().trainable_variables
    optimizer.build(variables)
    ones = [keras.ops.ones(v.shape) for v in variables]
    for _ in range(3):
        scale = optimizer.dynamic_scale
        apply(optimizer, [one * scale for one in ones], variables)
    before = values([*variables, *inner.variables])
    apply(optimizer, [one * np.inf for one in ones], variables)
    after = values([*variables, *inner.variables])
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@applied
def test_what_is_excluded_does_not_decay(cls):
    optimizer = make(cls) if wraps(cls) else make(cls, weight_decay=0.1)
    model = network()
    for layer in model.layers:
        layer.bias.assign(keras.ops.ones(layer.bias.shape))
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    variables = model.trainable_variables
    before = values(variables)
    optimizer.build(variables)
    optimizer.apply([keras.ops.zeros(v.shape) for v in variables], variables)
    for variable, old in zip(variables, before, strict=True):
        decays = not np.array_equal(keras.ops.convert_to_numpy(variable), old)
        assert decays == (variable.name == "kernel"), variable.path


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm", "clipvalue"])
@pytest.mark.parametrize("cls", filter(wraps, APPLIED), ids=lambda cls: cls.__name__)
def test_the_optimizer_inside_clips(cls, clip):
    inside = keras.optimizers.SGD(1.0, **{clip: 1e-3})
    optimizer = around(cls, inside)
    variables = network().trainable_variables
    optimizer.build(variables)
    before = values(variables)
    optimizer.apply([100 * keras.ops.ones(v.shape) for v in variables], variables)
    assert 0 < largest_difference(values(variables), before) <= 1.001e-3


EMPTY = [(0, 2), (2, 0), (0,), (3, 3, 0, 2)]


def after_steps(cls, *weights):
    """Take steps, which come to every special one of Lookahead and Ranger21."""
    variables = [
        keras.Variable(np.full(shape, 0.5, "float32"), name="kernel")
        for shape in weights
    ]
    # The same rate for the last one, with any layers before it.
    rates = ([1.0] * len(weights),) if cls is optimizers.LayerRates else ()
    optimizer = cls(keras.optimizers.SGD(0.1), *rates) if wraps(cls) else cls(0.1)
    optimizer.build(variables)
    draw = np.random.default_rng(0)
    for _ in range(6):
        gradients = [draw.normal(size=v.shape).astype("float32") for v in variables]
        gradients = [keras.ops.convert_to_tensor(g) for g in gradients]
        if cls is optimizers.SAM:
            optimizer.climb(gradients, variables)
        optimizer.apply(gradients, variables)
    return values(variables)


@every_optimizer
def test_variables_without_entries_change_nothing_for_the_others(cls):
    *empty, others = after_steps(cls, *EMPTY, (3, 2))
    assert [value.shape for value in empty] == EMPTY
    assert largest_difference([others], after_steps(cls, (3, 2))) == 0.0
