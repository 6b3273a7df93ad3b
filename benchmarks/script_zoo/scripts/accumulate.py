"""Low-memory training: small batches, gradients summed over several of them."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(40)
rng = np.random.default_rng(40)
SIDE = 20


def pattern_images(n):
    y = rng.integers(0, 4, n)
    g = np.arange(SIDE)
    f = rng.uniform(0.7, 1.3, (n, 1, 1))
    p = rng.uniform(0, 6.28, (n, 1, 1))
    a = (y % 2 * np.pi / 2)[:, None, None]
    x = np.sin(f * (np.cos(a) * g[:, None] + np.sin(a) * g[None, :]) + p)
    # classes 2 and 3 are the faint ones
    x = x * np.where(y < 2, 1.0, 0.5)[:, None, None]
    return (x + rng.normal(0, 0.2, x.shape))[..., None].astype("float32"), y


x_train, y_train = pattern_images(800)
x_val, y_val = pattern_images(300)

model = keras.Sequential(
    [
        keras.Input((SIDE, SIDE, 1)),
        layers.Conv2D(16, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.95),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.95),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(32, use_bias=False),
        layers.BatchNormalization(momentum=0.95),
        layers.ReLU(),
        layers.Dense(4, activation="softmax"),
    ]
)
optimizer = keras.optimizers.Adam(3e-3, gradient_accumulation_steps=8)
model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
# effective batch size 16
model.fit(x_train, y_train, batch_size=2, epochs=5, validation_data=(x_val, y_val))
