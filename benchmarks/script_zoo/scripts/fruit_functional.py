import argparse
import pathlib

import numpy as np
import keras
from keras import layers, ops

parser = argparse.ArgumentParser()
parser.add_argument("data", type=pathlib.Path)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--lr", type=float, default=5e-3)
args = parser.parse_args()

keras.utils.set_random_seed(2024)
CLASSES = sorted(p.name for p in (args.data / "train").iterdir())


def load_split(split, mode="rgb"):
    xs, ys = [], []
    for label, name in enumerate(CLASSES):
        for f in sorted((args.data / split / name).glob("*.png")):
            img = keras.utils.load_img(f, color_mode=mode, target_size=(32, 32))
            arr = keras.utils.img_to_array(img)
            if arr.shape[-1] == 1:
                arr = np.repeat(arr, 3, axis=-1)
            xs.append(arr / 255.0)
            ys.append(label)
    return np.stack(xs), np.array(ys)


x_train, y_train = load_split("train")
x_val, y_val = load_split("validation", "grayscale")
print(x_train.shape, x_val.shape)

inputs = keras.Input((32, 32, 3))
x = inputs
for width in (16, 32):
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(len(CLASSES), activation="softmax")(x)
model = keras.Model(inputs, outputs)
model.compile(
    optimizer=keras.optimizers.Adam(args.lr),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    x_train, y_train, epochs=args.epochs, validation_data=(x_val, y_val), batch_size=32
)
pred = np.asarray(ops.argmax(model(x_val), axis=-1))
for i, name in enumerate(CLASSES):
    print(name, float((pred[y_val == i] == i).mean()))
