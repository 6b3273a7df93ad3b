"""Frames of objects: objects are split, not frames."""

import glob
import os
import sys

import keras
import numpy as np
from keras import layers
from sklearn.model_selection import GroupShuffleSplit

keras.utils.set_random_seed(14)


def load(folder):
    x, y, groups = [], [], []
    names = sorted(os.listdir(folder))
    for path in sorted(glob.glob(os.path.join(folder, "*", "*.png"))):
        name = os.path.basename(os.path.dirname(path))
        x.append(keras.utils.img_to_array(keras.utils.load_img(path)))
        y.append(names.index(name))
        groups.append(name + os.path.basename(path).split("_")[0])
    return np.array(x), np.array(y), np.array(groups)


x, y, groups = load(sys.argv[1])
splitter = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=14)
train, val = next(splitter.split(x, y, groups))
assert not set(groups[train]) & set(groups[val])

augment = keras.Sequential(
    [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.25, 0.25)]
)
inputs = keras.Input(x.shape[1:])
h = layers.Rescaling(1 / 255)(inputs)
h = augment(h)
for f in (24, 48, 64):
    h = layers.Conv2D(f, 3, padding="same", activation="relu")(h)
    h = layers.MaxPooling2D()(h)
h = layers.GlobalMaxPooling2D()(h)
model = keras.Model(inputs, layers.Dense(3, activation="softmax")(h))
model.compile(
    keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(
    x[train], y[train], validation_data=(x[val], y[val]), epochs=6, batch_size=16
)
