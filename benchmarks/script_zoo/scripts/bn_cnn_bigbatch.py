"""CNN with batch normalization after every convolution."""

import keras
import numpy as np
from keras.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    MaxPooling2D,
    ReLU,
)

keras.utils.set_random_seed(2)
SIZE, CLASSES = 28, 5


def sample(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(CLASSES, size=n)
    a = (y * np.pi / CLASSES)[:, None, None]
    yy, xx = np.mgrid[:SIZE, :SIZE]
    f = rng.uniform(0.5, 1.1, (n, 1, 1))
    ph = rng.uniform(0, 6.28, (n, 1, 1))
    img = 120 + 60 * np.sin(f * (np.cos(a) * xx + np.sin(a) * yy) + ph)
    img += rng.normal(0, 20, img.shape)
    return (np.clip(img, 0, 255) / 255)[..., None].astype("float32"), y


x_tr, y_tr = sample(1024, 0)
x_va, y_va = sample(300, 1)

m = keras.Sequential([keras.Input((SIZE, SIZE, 1))])
for w in (16, 32, 64):
    m.add(Conv2D(w, 3, padding="same", use_bias=False))
    m.add(BatchNormalization())
    m.add(ReLU())
    m.add(MaxPooling2D())
m.add(GlobalAveragePooling2D())
m.add(Dense(CLASSES, activation="softmax"))
m.compile(
    keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
m.fit(x_tr, y_tr, batch_size=256, epochs=6, validation_data=(x_va, y_va))
