"""Plain SGD baseline."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(0)


def load_data():
    rng = np.random.default_rng(1)

    def part(n):
        y = rng.integers(0, 5, n)
        yy, xx = np.mgrid[:24, :24]
        a = (y * np.pi / 5)[:, None, None]
        f = rng.uniform(0.6, 1.2, (n, 1, 1))
        x = np.sin(f * (np.cos(a) * xx + np.sin(a) * yy) + rng.uniform(0, 6, (n, 1, 1)))
        return (x + rng.normal(0, 0.3, x.shape))[..., None].astype("float32"), y

    return part(1200), part(300)


(x_train, y_train), (x_val, y_val) = load_data()

model = keras.Sequential(
    [
        keras.Input((24, 24, 1)),
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(5, activation="softmax"),
    ]
)
sgd = keras.optimizers.SGD(learning_rate=2.0, momentum=0.9, nesterov=True)
model.compile(
    optimizer=sgd, loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(x_train, y_train, batch_size=32, epochs=5, validation_data=(x_val, y_val))
