"""Every kind of training whose state a checkpoint holds: one row each.

A public layer, norm, model or optimizer without a row fails `test_checkpoint_rows.py`.
"""

import dataclasses
import importlib
import inspect
from collections.abc import Callable
from unittest import mock

import keras

from kerasnorm import layers, models, optimizers
from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.optimizers.wrapper import OptimizerWrapper
from tests.optimizers import harness

CHANNELS = 32
# How layers other than norms are made; a norm needs no arguments.
LAYER_ARGUMENTS = {
    "AsymmetricConv2D": (CHANNELS, 3),
    "ScaledWSConv2D": (CHANNELS, 3),
    "ScaledWSDepthwiseConv2D": (3,),
    "StochasticDepth": (0.5,),
    "WSConv2D": (CHANNELS, 3),
}
MODEL_ARGUMENTS = {
    "backbone": {"name": "keras:MobileNetV3Small"},
    "convnet": {"width": 4, "depths": (1, 1)},
    "efficientnet_lite": {},
    "nf_resnet": {"depth": 50},
    "nfnet": {},
    "res2net": {},
    "resnet": {"depth": 8},
}
# The name in the package is that of the builder.
nfnet = importlib.import_module("kerasnorm.models.nfnet")
# The same blocks, a sixteenth as wide.
NARROW_NFNET = {
    "NFNET_WIDTHS": tuple(width // 16 for width in nfnet.NFNET_WIDTHS),
    "NFNET_BLOCK": dataclasses.replace(
        nfnet.NFNET_BLOCK, group_size=nfnet.GROUP_SIZE // 16
    ),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """A model and an optimizer.

    Args:
        name: Name of the row.
        model: Makes the uncompiled model.
        shape: Shape of one input.
        optimizer: Makes the optimizer.
    """

    name: str
    model: Callable[[], keras.Model]
    shape: tuple[int, ...]
    optimizer: Callable[[], keras.optimizers.Optimizer]

    def compiled(self) -> keras.Model:
        """Return the compiled model, not yet trained."""
        model = self.model()
        eager = keras.config.backend() == "tensorflow"
        model.compile(self.optimizer(), "mse", metrics=["mae"], run_eagerly=eager)
        if isinstance(model.optimizer, optimizers.SAM):
            model.optimizer.attach(model)
        return model


def sgd() -> keras.optimizers.Optimizer:
    """Return the optimizer of all rows that are about models."""
    return keras.optimizers.SGD(0.01, momentum=0.9)


def around(layer: Callable[[], keras.Layer]) -> Callable[[], keras.Model]:
    """Return what makes a small network around a layer."""

    def make() -> keras.Model:
        return keras.Sequential(
            [
                keras.Input((6, 6, 3)),
                keras.layers.Conv2D(CHANNELS, 3, use_bias=False),
                layer(),
                keras.layers.ReLU(),
                keras.layers.Dropout(0.3),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(2),
            ]
        )

    return make


def dense() -> keras.Model:
    """Return the network of all rows that are about optimizers."""
    return keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8, use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(2),
        ]
    )


def build(name: str) -> Callable[[], keras.Model]:
    """Return what makes a small network of a builder."""
    options = dict(MODEL_ARGUMENTS[name])
    first = [options.pop("name")] if "name" in options else []

    def make() -> keras.Model:
        # The smallest NFNet has 71 million parameters, and writes for half an hour.
        with mock.patch.multiple(nfnet, **NARROW_NFNET):
            return getattr(models, name)(*first, (32, 32, 3), 2, **options)

    return make


# Trainable variables of `dense`.
VARIABLES = 5


def wrapped(*classes: type) -> Callable[[], keras.optimizers.Optimizer]:
    """Return what makes an optimizer, the outermost class first."""
    *outer, inner = classes

    def make() -> keras.optimizers.Optimizer:
        is_whole = inner is optimizers.Ranger21
        if is_whole or not issubclass(inner, OptimizerWrapper):
            optimizer = inner(0.01)
        else:
            optimizer = harness.around(inner, sgd(), VARIABLES)
        for wrapper in reversed(outer):
            optimizer = harness.around(wrapper, optimizer, VARIABLES)
        return optimizer

    return make


OPTIMIZERS = [
    kind
    for name in optimizers.__all__
    if isinstance(kind := getattr(optimizers, name), type)
    and issubclass(kind, keras.optimizers.Optimizer)
]
WRAPPERS = [
    kind
    for kind in OPTIMIZERS
    if issubclass(kind, OptimizerWrapper) and kind is not optimizers.Ranger21
]
# SAM goes outside: it needs a training step of its own.
NESTED = [(o, i) for o in WRAPPERS for i in OPTIMIZERS if i is not optimizers.SAM]
OF_KERAS = {
    "averaged": lambda: keras.optimizers.AdamW(
        0.01, use_ema=True, ema_overwrite_frequency=3, gradient_accumulation_steps=2
    ),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.01), dynamic_growth_steps=3
    ),
    "scheduled": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(0.05, 9)
    ),
}
# Keras synchronizes batch norms on TensorFlow only.
MADE = [
    name
    for name in NORM_KINDS
    if name != "sync_batch" or keras.backend.backend() == "tensorflow"
]
LAYERS = {f"norm {name}": lambda name=name: layers.make_norm(name) for name in MADE} | {
    f"layer {name}": lambda kind=kind, name=name: kind(*LAYER_ARGUMENTS.get(name, ()))
    for name in layers.__all__
    if isinstance(kind := getattr(layers, name), type)
    and kind not in [type(layers.make_norm(norm)) for norm in MADE]
}
BUILDERS = [
    name
    for name in models.__all__
    if "num_classes" in inspect.signature(getattr(models, name)).parameters
]

SMALL = [
    *(Row(name, around(make), (6, 6, 3), sgd) for name, make in LAYERS.items()),
    *(
        Row(f"optimizer {kind.__name__}", dense, (6,), wrapped(kind))
        for kind in OPTIMIZERS
    ),
    *(Row(f"optimizer {name}", dense, (6,), make) for name, make in OF_KERAS.items()),
]
NESTS = [
    Row("-".join(kind.__name__ for kind in pair), dense, (6,), wrapped(*pair))
    for pair in NESTED
]
LARGE = [Row(f"model {name}", build(name), (32, 32, 3), sgd) for name in BUILDERS]
