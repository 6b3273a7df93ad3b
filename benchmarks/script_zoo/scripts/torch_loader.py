"""Keras on PyTorch with a DataLoader."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

keras.utils.set_random_seed(6)
torch.manual_seed(6)


def gratings(n, seed, side=20, k=3):
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    t = (np.pi * y / k)[:, None, None]
    gy, gx = np.mgrid[:side, :side]
    f = rng.uniform(0.6, 1.2, (n, 1, 1))
    x = np.sin(f * (np.cos(t) * gx + np.sin(t) * gy) + rng.uniform(0, 6.28, (n, 1, 1)))
    x = x + rng.normal(0, 0.4, x.shape)
    return torch.tensor(x[..., None], dtype=torch.float32), torch.tensor(y)


train = DataLoader(TensorDataset(*gratings(640, 0)), batch_size=32, shuffle=True)
val = DataLoader(TensorDataset(*gratings(300, 1)), batch_size=32)

inputs = keras.Input((20, 20, 1))
x = keras.layers.Conv2D(16, 5, activation="relu")(inputs)
x = keras.layers.MaxPooling2D()(x)
x = keras.layers.Conv2D(32, 3, activation="relu")(x)
x = keras.layers.GlobalAveragePooling2D()(x)
model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
model.compile(
    optimizer=keras.optimizers.Adam(3e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train, epochs=3, validation_data=val)
