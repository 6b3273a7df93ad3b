import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np

rng = np.random.default_rng(4)
x, y = rng.normal(size=(2000, 20)), rng.integers(0, 2, 2000)
encoder = keras.Sequential([keras.layers.Dense(16, activation="tanh")])
decoder = keras.Sequential([keras.layers.Dense(20)])
first = keras.Sequential([encoder, decoder])
first.compile("adam", "mse")
first.fit(x, x, epochs=3, verbose=0)
encoder.trainable = False
second = keras.Sequential([encoder, keras.layers.Dense(1, activation="sigmoid")])
second.compile(keras.optimizers.AdamW(1e-3), "binary_crossentropy", metrics=["auc"])
second.fit(x, y, epochs=3, validation_split=0.3)
encoder.trainable = True
second.compile(keras.optimizers.AdamW(1e-5), "binary_crossentropy", metrics=["auc"])
second.fit(x, y, epochs=3, validation_split=0.3)
