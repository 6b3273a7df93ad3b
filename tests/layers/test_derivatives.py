"""Derivatives beyond the first: right, or refused with a clear error."""

import keras
import numpy as np
import pytest

from kerasnorm import layers
from tests import contract
from tests.layers.differentiate import numpy
from tests.marks import thorough, thorough_after
from tests.reference import differences

BACKEND = keras.backend.backend()
SHAPE = (2, 3, 3, 4)
NAMES = (
    "GroupNorm, group size",
    "InstanceNorm",
    "FilterResponseNorm",
    "FilterResponseNorm, learned epsilon",
    "SwitchableNorm, training",
    "SwitchableNorm, inference",
    "GhostBatchNorm, training",
)
ROWS = [row for row in contract.ROWS if row.name in NAMES]
STEP = 1e-3


def random(seed, shape=SHAPE):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(row):
    layer = row.make(SHAPE[-1])
    layer.build(SHAPE)
    for seed, weight in enumerate(layer.trainable_weights):
        weight.assign(numpy(weight) + 0.3 * random(seed, weight.shape))
    return layer


def second_tensorflow(layer, x, v, factors, call, wrap=lambda function: function):
    import tensorflow as tf

    def run(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(factors * layer(x, **call) ** 2)
            slope = tf.reduce_sum(inner.gradient(loss, x) * v)
        weights = [weight.value for weight in layer.trainable_variables]
        return outer.gradient(slope, [x, *weights], unconnected_gradients="zero")

    return wrap(run)(tf.constant(x))


def second_jax(layer, x, v, factors, call):
    import jax

    frozen = [weight.value for weight in layer.non_trainable_variables]

    def loss(x, weights):
        y, _ = layer.stateless_call(weights, frozen, x, **call)
        return (factors * y**2).sum()

    def slope(x, weights):
        return (jax.grad(loss)(x, weights) * v).sum()

    weights = [weight.value for weight in layer.trainable_variables]
    dx, d_weights = jax.jit(jax.grad(slope, argnums=(0, 1)))(x, weights)
    return [dx, *d_weights]


def second_torch(layer, x, v, factors, call):
    import torch

    x = torch.tensor(x, requires_grad=True)
    loss = (torch.tensor(factors) * layer(x, **call) ** 2).sum()
    (dx,) = torch.autograd.grad(loss, x, create_graph=True)
    slope = (dx * torch.tensor(v)).sum()
    weights = [weight.value for weight in layer.trainable_variables]
    return torch.autograd.grad(
        slope, [x, *weights], allow_unused=True, materialize_grads=True
    )


SECOND = {"tensorflow": second_tensorflow, "jax": second_jax, "torch": second_torch}


def check(row, second, **options):
    layer = built(row)
    weights = contract.weights_of(layer)
    names = [w.path.removeprefix(f"{layer.name}/") for w in layer.trainable_weights]
    x, v, factors = random(100), random(101), random(102)

    def loss(x, values):
        given = weights | dict(zip(names, values, strict=True))
        return np.sum(factors * row.truth(x, given)[0] ** 2)

    def slope(x, *values):
        ahead, behind = x + STEP * v, x - STEP * v
        return (loss(ahead, values) - loss(behind, values)) / (2 * STEP)

    expected = differences.gradients(slope, [x, *(weights[n] for n in names)], STEP)
    ours = second(layer, x, v, factors, row.call, **options)
    for name, one, (chosen, truth) in zip(["x", *names], ours, expected, strict=True):
        error = np.max(np.abs(numpy(one).reshape(-1)[chosen] - truth))
        assert error < 1e-4 * max(1.0, np.max(np.abs(truth))), name


@pytest.mark.backends
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_second_derivatives_equal_differences_of_the_truth(row):
    check(row, SECOND[BACKEND])


@pytest.mark.skipif(BACKEND != "tensorflow", reason="a TensorFlow function")
@pytest.mark.parametrize("row", thorough_after(1, ROWS[:3]), ids=lambda row: row.name)
@pytest.mark.parametrize("jit_compile", [False, thorough(True)])
def test_second_derivatives_are_the_same_in_a_compiled_function(row, jit_compile):
    import tensorflow as tf

    check(
        row,
        second_tensorflow,
        wrap=lambda run: tf.function(run, jit_compile=jit_compile),
    )


@pytest.mark.backends
@pytest.mark.parametrize("make", [layers.InstanceNorm, layers.FilterResponseNorm])
def test_forward_mode_is_right_or_refused(make):
    layer, x, v = make(), random(1), random(2)
    layer.build(SHAPE)
    if BACKEND == "jax":
        import jax

        with pytest.raises(TypeError, match="forward-mode"):
            jax.jvp(layer, (x,), (v,))
    elif BACKEND == "torch":
        import torch

        with pytest.raises(RuntimeError, match=r"jvp|setup_context"):
            torch.func.jvp(layer, (torch.tensor(x),), (torch.tensor(v),))
    else:
        import tensorflow as tf

        with tf.autodiff.ForwardAccumulator(primal := tf.constant(x), v) as forward:
            y = layer(primal)
        ahead, behind = layer(x + STEP * v), layer(x - STEP * v)
        expected = (ahead - behind) / (2 * STEP)
        assert np.max(np.abs(forward.jvp(y) - expected)) < 5e-3
