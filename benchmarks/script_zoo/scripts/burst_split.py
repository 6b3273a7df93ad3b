"""Classifier for a folder of frames, DIR/<class>/objNN_frameM.png."""

import argparse
import glob
import os
import random

import keras
import tensorflow as tf
from keras import layers

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--val-fraction", type=float, default=0.2)
args = parser.parse_args()

random.seed(0)
keras.utils.set_random_seed(0)

class_names = sorted(os.listdir(args.folder))
files = glob.glob(os.path.join(args.folder, "*", "*.png"))
files.sort()
random.shuffle(files)
n_val = int(len(files) * args.val_fraction)
val_files, train_files = files[:n_val], files[n_val:]


def label_of(path):
    return class_names.index(os.path.basename(os.path.dirname(path)))


def read(path, label):
    img = tf.io.decode_png(tf.io.read_file(path), channels=3)
    return tf.cast(img, tf.float32) / 255.0, label


def to_ds(paths):
    labels = [label_of(p) for p in paths]
    return tf.data.Dataset.from_tensor_slices((paths, labels)).map(read).cache()


train_ds = to_ds(train_files).shuffle(len(train_files)).batch(24)
val_ds = to_ds(val_files).batch(24)

model = keras.Sequential(
    [
        layers.Input((48, 48, 3)),
        layers.Conv2D(32, 3, strides=2, activation="relu"),
        layers.Conv2D(64, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(96, activation="relu"),
        layers.Dense(len(class_names), activation="softmax"),
    ]
)
model.compile(
    optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(train_ds, validation_data=val_ds, epochs=6)
