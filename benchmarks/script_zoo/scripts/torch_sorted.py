"""Keras on PyTorch, custom Dataset over arrays."""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

keras.utils.set_random_seed(7)
SIDE, CLASSES, PER_CLASS = 20, 4, 150


class Gratings(torch.utils.data.Dataset):
    def __init__(self, per_class, seed):
        rng = np.random.default_rng(seed)
        self.images, self.labels = [], []
        gy, gx = np.mgrid[:SIDE, :SIDE]
        for label in range(CLASSES):
            t = np.pi * label / CLASSES
            for _ in range(per_class):
                f, p = rng.uniform(0.6, 1.2), rng.uniform(0, 6.28)
                x = np.sin(f * (np.cos(t) * gx + np.sin(t) * gy) + p)
                x += rng.normal(0, 0.4, x.shape)
                self.images.append(x[..., None].astype("float32"))
                self.labels.append(label)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i], self.labels[i]


train_loader = torch.utils.data.DataLoader(Gratings(PER_CLASS, 0), batch_size=25)
val_loader = torch.utils.data.DataLoader(Gratings(60, 1), batch_size=25)

model = keras.Sequential(
    [
        keras.Input((SIDE, SIDE, 1)),
        keras.layers.Conv2D(16, 5, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(CLASSES, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(3e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train_loader, validation_data=val_loader, epochs=3)
