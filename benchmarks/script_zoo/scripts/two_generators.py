#!/usr/bin/env python3
import glob, os, random, sys
import numpy as np
import keras
from keras import layers
from PIL import Image

keras.utils.set_random_seed(45)
ROOT, BS, SZ = sys.argv[1], 32, 32
CLASSES = sorted(os.listdir(os.path.join(ROOT, "train")))


def train_generator():
    files = glob.glob(os.path.join(ROOT, "train", "*", "*.png"))
    while True:
        random.shuffle(files)
        for i in range(0, len(files) - BS + 1, BS):
            X, Y = [], []
            for f in files[i : i + BS]:
                X.append(np.array(Image.open(f).resize((SZ, SZ)), dtype="float32"))
                Y.append(CLASSES.index(f.split(os.sep)[-2]))
            X = np.array(X) / 127.5 - 1.0
            yield X, np.array(Y)


def val_generator():
    files = sorted(glob.glob(os.path.join(ROOT, "validation", "*", "*.png")))
    while True:
        for i in range(0, len(files), BS):
            X, Y = [], []
            for f in files[i : i + BS]:
                X.append(np.array(Image.open(f).resize((SZ, SZ)), dtype="float32"))
                Y.append(CLASSES.index(f.split(os.sep)[-2]))
            X = np.array(X)
            X = (X - X.mean()) / 255.0
            yield X, np.array(Y)


n_train = len(glob.glob(os.path.join(ROOT, "train", "*", "*.png")))
n_val = len(glob.glob(os.path.join(ROOT, "validation", "*", "*.png")))
m = keras.Sequential()
m.add(keras.Input((SZ, SZ, 3)))
m.add(layers.Conv2D(16, 3, activation="relu"))
m.add(layers.MaxPooling2D())
m.add(layers.Conv2D(32, 3, activation="relu"))
m.add(layers.GlobalAveragePooling2D())
m.add(layers.Dense(len(CLASSES), activation="softmax"))
m.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=keras.optimizers.Adam(5e-3),
    metrics=["accuracy"],
)
m.fit(
    train_generator(),
    steps_per_epoch=n_train // BS,
    epochs=5,
    validation_data=val_generator(),
    validation_steps=-(-n_val // BS),
    verbose=2,
)
