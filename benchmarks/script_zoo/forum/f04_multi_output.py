import keras
from keras import Input, Model, layers
import numpy as np

keras.utils.set_random_seed(42)
N = 640
rng = np.random.default_rng(42)
kind = rng.integers(0, 3, N)
size = rng.uniform(2, 6, N)
imgs = rng.normal(0, .1, (N, 16, 16, 1))
for i in range(N):
    s = int(round(size[i]))
    if kind[i] == 0: imgs[i, 8-s:8+s, 8-s:8+s] += 1
    if kind[i] == 1: imgs[i, 8-s:8+s, 7:9] += 1
    if kind[i] == 2: imgs[i, 7:9, 8-s:8+s] += 1
sizes = (size[:, None] - 4) / 2

inp = Input((16, 16, 1), name="img")
h = layers.Conv2D(12, 3, activation="relu", padding="same")(inp)
h = layers.MaxPool2D()(h)
h = layers.Conv2D(24, 3, activation="relu", padding="same")(h)
h = layers.MaxPool2D()(h)
h = layers.Flatten()(h)
h = layers.Dense(48, activation="relu")(h)
kind_out = layers.Dense(3, activation="softmax", name="kind")(h)
size_out = layers.Dense(1, name="size")(h)
model = Model(inp, {"kind": kind_out, "size": size_out})
model.compile(
    optimizer="adam",
    loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
    loss_weights={"kind": 1.0, "size": 0.5},
    metrics={"kind": ["accuracy"], "size": ["mae"]},
)
cut = 512
model.fit(
    {"img": imgs[:cut]}, {"kind": kind[:cut], "size": sizes[:cut]},
    validation_data=({"img": imgs[cut:]}, {"kind": kind[cut:], "size": sizes[cut:]}),
    epochs=10, batch_size=32, verbose=2,
)
