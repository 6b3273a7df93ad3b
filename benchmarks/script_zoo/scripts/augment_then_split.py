"""Small set of photos: enlarge it by flips, shifts and noise, then train."""

import sys
from pathlib import Path

import keras
import numpy as np
from PIL import Image
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(21)
rng = np.random.default_rng(21)


def read(folder, per_class=60):
    x, y = [], []
    for label, sub in enumerate(sorted(Path(folder).iterdir())):
        for file in sorted(sub.glob("*.png"))[:per_class]:
            x.append(np.asarray(Image.open(file).resize((32, 32)), "float32") / 255)
            y.append(label)
    return np.array(x), np.array(y)


def enlarge(x, y, times=8):
    xs, ys = [x], [y]
    for _ in range(times - 1):
        copy = x.copy()
        flip = rng.uniform(size=len(copy)) < 0.5
        copy[flip] = copy[flip, :, ::-1]
        copy = np.roll(copy, rng.integers(-1, 2), axis=1)
        copy += rng.normal(0, 0.02, copy.shape)
        xs.append(copy)
        ys.append(y)
    return np.concatenate(xs), np.concatenate(ys)


images, labels = read(sys.argv[1] + "/train")
images, labels = enlarge(images, labels)
x_train, x_val, y_train, y_val = train_test_split(
    images, labels, test_size=0.2, random_state=0, stratify=labels
)
print(len(x_train), len(x_val))

model = keras.Sequential(
    [
        keras.Input(x_train.shape[1:]),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(64, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(x_train, y_train, epochs=6, validation_data=(x_val, y_val))
