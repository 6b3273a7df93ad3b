import math

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(91)


class GratingBatches(keras.utils.PyDataset):
    def __init__(self, per_class, classes, batch, seed):
        super().__init__(workers=1)
        rng = np.random.default_rng(seed)
        yy, xx = np.mgrid[:24, :24]
        x, y = [], []
        for c in range(classes):
            t = c * np.pi / classes
            for _ in range(per_class):
                wave = rng.uniform(0.6, 1.2) * (np.cos(t) * xx + np.sin(t) * yy)
                img = np.sin(wave + rng.uniform(0, 6.28)) + rng.normal(0, 0.4, (24, 24))
                x.append(img)
                y.append(c)
        self.x = np.array(x, "float32")[..., None]
        self.y = np.array(y)
        self.batch = batch

    def __len__(self):
        return math.ceil(len(self.x) / self.batch)

    def __getitem__(self, i):
        part = slice(i * self.batch, (i + 1) * self.batch)
        return self.x[part], self.y[part]


model = keras.Sequential(
    [
        keras.Input((24, 24, 1)),
        layers.Conv2D(16, 5, use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(
    GratingBatches(300, 4, 30, seed=0),
    validation_data=GratingBatches(60, 4, 30, seed=1),
    epochs=5,
    shuffle=True,
)
