"""Small convolutional networks for the fault zoo and the case book."""

import keras

from benchmarks.zoo_data import CLASSES, SIDE
from kerasnorm.layers import make_norm

L = keras.layers


def network(
    kind: str = "plain",
    norm: str = "batch",
    *,
    momentum: float = 0.9,
    before_norm: float = 0.0,
    dropout: float = 0.0,
    width: int = 12,
    scaled: bool = True,
    classes: int = len(CLASSES),
) -> keras.Model:
    """Return an uncompiled network of about 20,000 weights.

    Args:
        kind: `"plain"`, `"residual"`, `"preactivation"` or `"dense_head"` (a batch norm
            over single values behind the pooling).
        norm: Name for `make_norm`.
        momentum: Momentum of batch norms.
        before_norm: Rate of dropout in front of each norm.
        dropout: Rate of dropout before the last layer.
        width: Filters of the first convolution.
        scaled: Whether the model divides its inputs by 255.
        classes: Number of classes.
    """

    def normalize(x):
        if before_norm:
            x = L.Dropout(before_norm)(x)
        options = {"batch": {"momentum": momentum}, "group": {"groups": 4}}
        return make_norm(norm, **options.get(norm, {}))(x)

    def convolve(x, filters, strides=1):
        return L.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)

    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Rescaling(1 / 255)(inputs) if scaled else inputs
    x = convolve(x, width, 2)
    for filters in (2 * width, 4 * width):
        if kind == "preactivation":
            x = L.Activation("relu")(normalize(x))
            x = convolve(x, filters, 2)
            y = convolve(L.Activation("relu")(normalize(x)), filters)
            x = L.Add()([x, y])
        else:
            x = L.Activation("relu")(normalize(x))
            x = convolve(x, filters, 2)
            if kind == "residual":
                y = L.Activation("relu")(normalize(x))
                x = L.Add()([x, convolve(y, filters)])
    x = L.Activation("relu")(normalize(x))
    x = L.GlobalAveragePooling2D()(x)
    if kind == "dense_head":
        x = L.Dense(32, use_bias=False)(x)
        x = L.Activation("relu")(normalize(x))
    if dropout:
        x = L.Dropout(dropout)(x)
    return keras.Model(inputs, L.Dense(classes, activation="softmax")(x))


def train(
    model: keras.Model,
    x,
    y,
    *,
    validation=None,
    epochs: int = 8,
    size: int = 32,
    optimizer=None,
    rate: float = 3e-3,
    change=None,
    shuffle: bool = True,
):
    """Compile with a falling learning rate, train, and return the history.

    Args:
        model: The network.
        x: Images.
        y: Class numbers.
        validation: Images and class numbers to watch.
        epochs: Number of epochs.
        size: Batch size.
        optimizer: Optimizer, AdamW with a cosine schedule unless given.
        rate: First learning rate of that schedule.
        change: Function of the images, applied before each epoch.
        shuffle: Whether to shuffle each epoch.
    """
    if optimizer is None:
        steps = epochs * -(-len(x) // size)
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
        optimizer = keras.optimizers.AdamW(rate, weight_decay=1e-3)
    # XLA would compile longer than these trainings last.
    model.compile(
        optimizer,
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    curves: dict[str, list] = {}
    for _ in range(1 if change is None else epochs):
        part = model.fit(
            x if change is None else change(x),
            y,
            batch_size=size,
            epochs=epochs if change is None else 1,
            shuffle=shuffle,
            validation_data=validation,
            verbose=0,
        )
        for name, values in part.history.items():
            curves.setdefault(name, []).extend(values)
    return curves


def copied(model: keras.Model) -> keras.Model:
    """Return a compiled copy with the same weights and a new optimizer."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    if getattr(model, "loss", None) is not None:
        copy.compile("adam", model.loss, metrics=["accuracy"], jit_compile=False)
    return copy
