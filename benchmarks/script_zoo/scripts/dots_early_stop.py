"""Count dots (1, 3 or 6). Early stopping on a validation set, final score on a test set."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(28)
SIDE = 28
COUNTS = (1, 3, 6)


def draw_dots(count, rng):
    yy, xx = np.mgrid[:SIDE, :SIDE]
    img = rng.normal(0, 0.08, (SIDE, SIDE))
    for _ in range(count):
        cy, cx = rng.integers(3, SIDE - 3, 2)
        img += np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 5)
    return img


def make_split(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(len(COUNTS), size=n)
    x = np.stack([draw_dots(COUNTS[k], rng) for k in y])
    return x[..., None].astype("float32"), y


train, val, test = make_split(1000, 0), make_split(300, 1), make_split(300, 2)

model = keras.Sequential(
    [
        keras.Input((SIDE, SIDE, 1)),
        layers.Conv2D(16, 5, activation="relu"),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(32, activation="relu"),
        layers.Dense(len(COUNTS), activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(
    *train,
    epochs=6,
    validation_data=val,
    callbacks=[
        keras.callbacks.EarlyStopping(
            monitor="val_accuracy", mode="max", patience=3, restore_best_weights=True
        )
    ],
)
print("test:", model.evaluate(*test, verbose=0))
