import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

keras.utils.set_random_seed(8)
rng = np.random.RandomState(8)
SIDE, N = 24, 3


def gratings(n):
    labels = rng.randint(0, N, size=n)
    yy, xx = np.mgrid[0:SIDE, 0:SIDE]
    images = []
    for label in labels:
        angle = label * np.pi / N
        wave = np.sin(
            rng.uniform(0.6, 1.1) * (np.cos(angle) * xx + np.sin(angle) * yy)
            + rng.uniform(0, 6)
        )
        images.append(wave + rng.normal(0, 0.4, (SIDE, SIDE)))
    return np.array(images, dtype="float32")[..., np.newaxis], labels


(x_train, y_train), (x_val, y_val) = gratings(900), gratings(300)

model = keras.Sequential(
    [
        layers.Input((SIDE, SIDE, 1)),
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(N, activation="softmax"),
    ]
)
model.compile(
    optimizer="adam",
    loss="categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=3)
