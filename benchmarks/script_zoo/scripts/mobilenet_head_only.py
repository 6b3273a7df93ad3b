"""Transfer learning: MobileNet features, new head for the fruit folder."""

import argparse
import os

import keras
from keras import layers
from keras.applications import MobileNet
from keras.applications.mobilenet import preprocess_input

parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--size", type=int, default=48)
parser.add_argument("--epochs", type=int, default=5)
args = parser.parse_args()

keras.utils.set_random_seed(29)
shape = (args.size, args.size)


def load(split):
    ds = keras.utils.image_dataset_from_directory(
        os.path.join(args.data, split), image_size=shape, batch_size=32, seed=29
    )
    return ds.map(lambda x, y: (preprocess_input(x), y)).cache()


train, val = load("train"), load("validation")

base = MobileNet(
    input_shape=(*shape, 3), alpha=0.25, include_top=False, weights=None, pooling="avg"
)
base.trainable = False

inputs = keras.Input((*shape, 3))
x = base(inputs, training=False)
x = layers.Dropout(0.2)(x)
outputs = layers.Dense(4, activation="softmax")(x)
model = keras.Model(inputs, outputs)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train, validation_data=val, epochs=args.epochs)
