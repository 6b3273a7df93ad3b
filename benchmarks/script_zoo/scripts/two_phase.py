"""Pretrain on easy data, then two-phase transfer to a small target set.

Phase 1 trains a new head on frozen features, phase 2 fine-tunes everything.
"""

import keras
import numpy as np
from keras import layers

SIZE = 24
keras.utils.set_random_seed(10)


def gratings(n, classes, seed, contrast=1.0, offset=0.0):
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=n)
    a = (np.pi * y / classes)[:, None, None]
    gy, gx = np.mgrid[:SIZE, :SIZE]
    f = rng.uniform(0.6, 1.2, (n, 1, 1))
    p = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    x = np.sin(f * (np.cos(a) * gx + np.sin(a) * gy) + p)
    x = offset + contrast * (x + rng.normal(0, 0.3, x.shape))
    return x[..., None].astype("float32"), y


def make_base():
    inp = keras.Input((SIZE, SIZE, 1))
    x = inp
    for width in (16, 32, 32):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    return keras.Model(inp, layers.GlobalAveragePooling2D()(x), name="base")


# --- source task -----------------------------------------------------------
base = make_base()
source = keras.Sequential([base, layers.Dense(6, activation="softmax")])
source.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
source.fit(
    *gratings(1500, 6, 0), validation_data=gratings(300, 6, 1), epochs=8, verbose=2
)

# --- target task: other classes, other camera ------------------------------
x_train, y_train = gratings(160, 4, 2, contrast=0.4, offset=0.8)
x_val, y_val = gratings(300, 4, 3, contrast=0.4, offset=0.8)

base.trainable = False
inputs = keras.Input((SIZE, SIZE, 1))
x = base(inputs, training=False)  # keep BatchNorm in inference mode
x = layers.Dropout(0.1)(x)
outputs = layers.Dense(4, activation="softmax")(x)
model = keras.Model(inputs, outputs)
model.compile(
    keras.optimizers.Adam(1e-2),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=6, verbose=2)

base.trainable = True
model.compile(
    keras.optimizers.Adam(1e-3),
    "sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    x_train,
    y_train,
    validation_data=(x_val, y_val),
    epochs=3,
    batch_size=16,
    verbose=2,
)
