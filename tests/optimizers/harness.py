"""Variables of every kind of layer, and optimizer steps compiled on every backend."""

import keras
import numpy as np
from keras import layers

from kerasnorm import optimizers

# What some wrappers take besides the optimizer inside, for so many variables.
ARGUMENTS = {
    optimizers.LayerRates: lambda count: ([(at + 1) / count for at in range(count)],)
}


def around(wrapper, optimizer, variables=4):
    """Return an optimizer of a model of so many variables in a wrapper."""
    more = ARGUMENTS[wrapper](variables) if wrapper in ARGUMENTS else ()
    return wrapper(optimizer, *more)


class GainConv2D(layers.Conv2D):
    """A convolution with one more weight, as scaled weight standardization has."""

    def build(self, input_shape):
        super().build(input_shape)
        self.gain = self.add_weight(
            shape=(self.filters,), initializer="ones", name="gain"
        )


# Names tell nothing on purpose: units must come from the layer itself.
LAYERS = {
    "dense": (lambda: layers.Dense(4, name="depthwise_a"), (5,), ["dense", "vector"]),
    "dense of one input": (
        lambda: layers.Dense(3, name="b"),
        (1,),
        ["dense", "vector"],
    ),
    "conv1d": (lambda: layers.Conv1D(4, 3), (6, 2), ["conv1d", "vector"]),
    "conv2d": (
        lambda: layers.Conv2D(4, 3, groups=2, name="transpose_c"),
        (6, 6, 2),
        ["conv2d", "vector"],
    ),
    "conv2d subclass": (
        lambda: GainConv2D(2, 1),
        (6, 6, 3),
        ["conv2d", "vector", "vector"],
    ),
    "conv3d": (lambda: layers.Conv3D(2, 2), (3, 3, 3, 2), ["conv3d", "vector"]),
    "depthwise1d": (
        lambda: layers.DepthwiseConv1D(3, depth_multiplier=2, name="d"),
        (6, 3),
        ["depthwise1d", "vector"],
    ),
    "depthwise2d": (
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, name="conv_e"),
        (6, 6, 3),
        ["depthwise2d", "vector"],
    ),
    "transposed1d": (
        lambda: layers.Conv1DTranspose(3, 2),
        (6, 2),
        ["transposed1d", "vector"],
    ),
    "transposed2d": (
        lambda: layers.Conv2DTranspose(2, 3, name="dense_f"),
        (6, 6, 4),
        ["transposed2d", "vector"],
    ),
    "transposed3d": (
        lambda: layers.Conv3DTranspose(2, 2),
        (3, 3, 3, 3),
        ["transposed3d", "vector"],
    ),
    "separable1d": (
        lambda: layers.SeparableConv1D(4, 3),
        (6, 2),
        ["depthwise1d", "conv1d", "vector"],
    ),
    "separable2d": (
        lambda: layers.SeparableConv2D(4, 3, depth_multiplier=2),
        (6, 6, 2),
        ["depthwise2d", "conv2d", "vector"],
    ),
    "batch norm": (lambda: layers.BatchNormalization(), (6, 3), ["vector", "vector"]),
    "scalar": (lambda: layers.PReLU(shared_axes=[1]), (4, 1), ["vector"]),
}

# One of each kind of kernel, for tests of many steps.
SOME = [
    "dense",
    "conv2d subclass",
    "depthwise2d",
    "transposed2d",
    "separable1d",
    "batch norm",
    "scalar",
]


def make_variables(names=SOME):
    """Build layers; return them, their trainable variables and the kinds of these."""
    built, variables, kinds = [], [], []
    for name in names:
        make, input_shape, layer_kinds = LAYERS[name]
        layer = make()
        layer.build((None, *input_shape))
        built.append(layer)
        variables += layer.trainable_variables
        kinds += layer_kinds
    return built, variables, kinds


def random_weights(variables, seed=0):
    """Give every variable weights around 0.3, with some units of zeros."""
    generator = np.random.default_rng(seed)
    values = []
    for variable in variables:
        value = 0.3 * generator.standard_normal(variable.shape)
        if len(variable.shape) > 1:
            value[..., 0] = 0.0
        values.append(value.astype("float32"))
        variable.assign(values[-1])
    return [value.astype("float64") for value in values]


def random_gradients(variables, steps=100, seed=1, exponents=(-3, 0.5)):
    """Gradients of very different sizes, so that limits bind and do not."""
    generator = np.random.default_rng(seed)
    return [
        [
            (
                10.0 ** generator.uniform(*exponents)
                * generator.standard_normal(v.shape)
            ).astype("float32")
            for v in variables
        ]
        for _ in range(steps)
    ]


def run_steps(optimizer, variables, gradients):
    """Apply lists of gradients one after the other, compiled where it pays."""
    if not optimizer.built:
        optimizer.build(variables)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        apply = tf.function(lambda *grads: optimizer.apply(list(grads), variables))
        for step in gradients:
            apply(*[tf.constant(g) for g in step])
    elif keras.backend.backend() == "jax":
        import jax

        apply = jax.jit(optimizer.stateless_apply)
        state = [v.value for v in optimizer.variables]
        weights = [v.value for v in variables]
        for step in gradients:
            weights, state = apply(state, step, weights)
        for variable, value in zip(variables, weights, strict=True):
            variable.assign(value)
        for variable, value in zip(optimizer.variables, state, strict=True):
            variable.assign(value)
    else:
        import torch

        with torch.no_grad():
            for step in gradients:
                optimizer.apply([torch.tensor(g) for g in step], variables)
    return [keras.ops.convert_to_numpy(v) for v in variables]


def run_reference(rule, weights, gradients):
    """Let a reference rule take the same steps."""
    for step in gradients:
        weights = rule.step(weights, [g.astype("float64") for g in step])
    return weights


def assert_all_close(actual, expected, tolerance=1e-5):
    for index, (a, e) in enumerate(zip(actual, expected, strict=True)):
        np.testing.assert_allclose(
            a, e, rtol=tolerance, atol=tolerance, err_msg=f"variable {index}"
        )


def small_model(norm=True, seed=7):
    """A convolutional net for images of 8x8x2 and three outputs."""
    keras.utils.set_random_seed(seed)
    stem = [layers.BatchNormalization()] if norm else []
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(4, 3, padding="same", name="stem"),
            *stem,
            layers.ReLU(),
            layers.DepthwiseConv2D(3, name="mixer"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, name="head"),
        ]
    )


def small_data(size=32, seed=3):
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((size, 8, 8, 2)).astype("float32")
    y = generator.standard_normal((size, 3)).astype("float32")
    return x, y


def max_difference(first, second):
    """Largest difference between the weights of two models."""
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)
