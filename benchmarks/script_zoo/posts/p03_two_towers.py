# Do two patches show the same texture? Two inputs, one shared encoder, dict inputs.
import keras
import numpy as np
from keras import layers, ops

keras.utils.set_random_seed(11)
rng = np.random.default_rng(11)
grid = np.arange(16)


def texture(kind):
    freq = (0.6, 1.1, 1.9)[kind]
    phase = rng.uniform(0, 6.3)
    wave = np.sin(freq * grid[None, :] + phase) * np.ones((16, 1))
    return wave + rng.normal(0, 0.3, (16, 16))


def pairs(n):
    left, right, same = [], [], []
    for _ in range(n):
        a = rng.integers(3)
        b = a if rng.random() < 0.5 else (a + rng.integers(1, 3)) % 3
        left.append(texture(a))
        right.append(texture(b))
        same.append(int(a == b))
    left, right = (np.asarray(v, "float32")[..., None] for v in (left, right))
    return {"left": left, "right": right}, np.asarray(same, "float32")


train, val = pairs(1600), pairs(400)
encoder = keras.Sequential(
    [
        layers.Input((16, 16, 1)),
        layers.Conv2D(16, 5, activation="relu"),
        layers.Conv2D(24, 3, strides=2, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(16),
    ],
    name="encoder",
)
left = keras.Input((16, 16, 1), name="left")
right = keras.Input((16, 16, 1), name="right")
gap = layers.Lambda(lambda t: ops.abs(t[0] - t[1]))([encoder(left), encoder(right)])
gap = layers.Dense(16, activation="relu")(gap)
prob = layers.Dense(1, activation="sigmoid", name="same")(gap)
model = keras.Model({"left": left, "right": right}, prob)
model.compile("adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(*train, validation_data=val, epochs=14, batch_size=32, verbose=2)
