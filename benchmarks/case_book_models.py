"""The cases of the case book that the fault zoo does not have."""

import keras
import numpy as np

from benchmarks.zoo_cases import Case, images, trained, usual
from benchmarks.zoo_data import SIDE, batches, draw_shapes
from benchmarks.zoo_models import copied, network, train

L = keras.layers


def _three_inputs(shared: bool) -> keras.Model:
    """Return a network of three views, one batch norm for all or one for each."""
    common = L.BatchNormalization(momentum=0.9)
    inputs = [keras.Input((SIDE, SIDE, 3), name=f"view{i}") for i in range(3)]
    branches = []
    for view in inputs:
        x = L.Conv2D(12, 3, strides=2, padding="same")(L.Rescaling(1 / 255)(view))
        norm = common if shared else L.BatchNormalization(momentum=0.9)
        x = L.Activation("relu")(norm(x))
        x = L.Conv2D(24, 3, strides=2, padding="same", activation="relu")(x)
        branches.append(L.GlobalAveragePooling2D()(x))
    x = L.Concatenate()(branches)
    return keras.Model(inputs, L.Dense(4, activation="softmax")(x))


def _views(x):
    """Return three cameras: as it is, dark, and bright with a steep contrast."""
    return (x, x * 0.1, np.clip(x * 6 - 300, -300, 1200))


def _with_three_inputs(seed: int, shared: bool) -> Case:
    (x, y), (vx, vy) = images(seed)
    model = _three_inputs(shared)
    steps = 8 * 32
    rate = keras.optimizers.schedules.CosineDecay(5e-3, steps)
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    model.fit(_views(x), y, epochs=8, verbose=0)
    seen = [(_views(part), labels) for part, labels in batches(x, y)]
    validation = [(_views(part), labels) for part, labels in batches(vx, vy, 64, None)]
    return Case(model, seen, validation)


def shared_norm(seed: int) -> Case:
    """One batch norm for three inputs."""
    return _with_three_inputs(seed, shared=True)


def separate_norms(seed: int) -> Case:
    """One batch norm for each input."""
    return _with_three_inputs(seed, shared=False)


def learning_rate_zero(seed: int) -> Case:
    """Training resumes at a rate of 0 before the statistics have caught up."""
    model, (x, y), validation, _ = trained(seed, momentum=0.99, epochs=2, rate=1e-2)
    # The trained one is kept for other cases.
    model = copied(model)
    model.compile(
        keras.optimizers.Adam(0.0), "sparse_categorical_crossentropy", jit_compile=False
    )
    model.fit(x[:640], y[:640], batch_size=32, epochs=1, verbose=0)
    return usual(model, (x, y), validation)


def shuffled_classes(seed: int) -> Case:
    """The same training with shuffled batches."""
    return usual(*trained(seed, epochs=4))


def same_data(seed: int) -> Case:
    """Validation on the very training data, after few steps."""
    model, data, _, history = trained(seed, momentum=0.99, epochs=1, rate=1e-2)
    return usual(model, data, data, history)


def batch_of_one(seed: int) -> Case:
    """Training in batches of one sample."""
    (x, y), validation = images(seed, 512)
    model = network("plain")
    return usual(model, (x, y), validation, train(model, x, y, size=1, epochs=2), 1)


def _cats_and_dogs(seed: int, count: int) -> Case:
    """Train the walkthrough's kind of network on two shapes in strong noise."""
    (x, y), (vx, vy) = (
        draw_shapes(n, s, noise=70.0)
        for n, s in ((2 * count, 1000 + seed), (1200, 2000 + seed))
    )
    x, y = x[y < 2][:count], y[y < 2][:count]
    vx, vy = vx[vy < 2], vy[vy < 2]
    layers = [keras.Input((SIDE, SIDE, 3)), L.Rescaling(1 / 255)]
    for filters in (16, 32):
        layers += [L.Conv2D(filters, 3, activation="relu"), L.MaxPooling2D()]
    layers += [L.Flatten(), L.Dense(64, activation="relu")]
    model = keras.Sequential([*layers, L.Dense(2, activation="softmax")])
    optimizer = keras.optimizers.RMSprop(1e-3)
    epochs = max(3, 20 * 250 // count)
    history = train(model, x, y, epochs=epochs, optimizer=optimizer)
    return usual(model, (x, y), (vx, vy), history)


def walkthrough(seed: int) -> Case:
    """A small convnet without norm on few images."""
    return _cats_and_dogs(seed, 250)


def walkthrough_with_more_images(seed: int) -> Case:
    """The same with eight times as many images and fewer epochs."""
    return _cats_and_dogs(seed, 2000)
