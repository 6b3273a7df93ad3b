"""A training script as many are: nothing of kerasnorm is in it.

kerasnorm lint docs/examples/plain_script.py
kerasnorm run docs/examples/plain_script.py
"""

import keras
import numpy as np

keras.utils.set_random_seed(0)
random = np.random.default_rng(0)
y = random.integers(0, 2, 1024)
x = random.normal(0.5, 0.25, (1024, 24, 24, 3))
x[y == 1, 8:16, 8:16] += 0.2  # class 1 has a bright square
model = keras.Sequential(
    [
        keras.Input((24, 24, 3)),
        keras.layers.Conv2D(16, 3, strides=2, use_bias=False),
        keras.layers.BatchNormalization(momentum=0.999),
        keras.layers.Activation("relu"),
        keras.layers.Conv2D(32, 3, strides=2, use_bias=False),
        keras.layers.BatchNormalization(momentum=0.999),
        keras.layers.Activation("relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(patience=2)
model.fit(x, y, validation_split=0.25, epochs=6, verbose=2, callbacks=[stop])
