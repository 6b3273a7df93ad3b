"""Imbalanced dots: class_weight and a sample_weight run, side by side."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(52)


def dots(counts, seed, side=24):
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:side, :side]
    x, y = [], []
    for label, n in enumerate(counts):
        for _ in range(n):
            img = rng.normal(0, 0.1, (side, side))
            for _ in range((1, 5)[label]):
                cy, cx = rng.integers(3, side - 3, 2)
                img += np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 4)
            x.append(img)
            y.append(label)
    order = rng.permutation(len(y))
    return np.array(x, "float32")[order, ..., None], np.array(y)[order]


def build():
    model = keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            layers.Conv2D(16, 5, activation="relu"),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(16, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        loss="binary_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=[keras.metrics.BinaryAccuracy(name="weighted_accuracy")],
    )
    return model


x_train, y_train = dots((900, 150), 0)
x_val, y_val = dots((150, 150), 1)
total, positive = len(y_train), y_train.sum()
class_weight = {0: total / (2 * (total - positive)), 1: total / (2 * positive)}

first = build()
first.fit(
    x_train,
    y_train,
    epochs=5,
    class_weight=class_weight,
    validation_data=(x_val, y_val),
)

weights = np.where(y_train == 1, class_weight[1], class_weight[0])
second = build()
second.fit(
    x_train, y_train, sample_weight=weights, epochs=5, validation_data=(x_val, y_val)
)
