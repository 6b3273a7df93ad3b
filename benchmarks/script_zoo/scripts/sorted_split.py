"""Train on a folder tree read into arrays."""

import glob
import os
import sys

import keras
import numpy as np
from keras import layers
from PIL import Image

keras.utils.set_random_seed(6)
images, labels = [], []
folders = sorted(glob.glob(os.path.join(sys.argv[1], "train", "*")))
for k, folder in enumerate(folders):
    for f in sorted(glob.glob(os.path.join(folder, "*.png"))):
        images.append(np.asarray(Image.open(f).convert("RGB").resize((40, 40))))
        labels.append(k)
images = np.array(images).astype("float32") / 255
labels = np.array(labels)
print(images.shape, np.bincount(labels))

model = keras.Sequential()
model.add(layers.Input(images.shape[1:]))
for filters in (24, 48, 64):
    model.add(layers.Conv2D(filters, 3, activation="relu"))
    model.add(layers.MaxPooling2D())
model.add(layers.Flatten())
model.add(layers.Dense(64, activation="relu"))
model.add(layers.Dense(len(folders), activation="softmax"))
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(images, labels, epochs=6, batch_size=24, validation_split=0.25)
