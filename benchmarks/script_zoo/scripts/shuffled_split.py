import os
import sys
from pathlib import Path

import keras
import numpy as np

SEED = 20
keras.utils.set_random_seed(SEED)


def read_folder(root, size):
    data = []
    for k, folder in enumerate(sorted(os.listdir(root))):
        for file in sorted(Path(root, folder).glob("*.png")):
            image = keras.utils.load_img(file, target_size=size)
            data.append((keras.utils.img_to_array(image) / 255.0, k))
    np.random.default_rng(SEED).shuffle(data)
    x, y = zip(*data)
    return np.stack(x), np.array(y)


x, y = read_folder(os.path.join(sys.argv[1], "train"), (40, 40))

net_in = keras.layers.Input(x.shape[1:])
net = net_in
for width in [24, 48, 64]:
    net = keras.layers.Conv2D(width, 3, activation="relu")(net)
    net = keras.layers.MaxPool2D()(net)
net = keras.layers.Flatten()(net)
net = keras.layers.Dense(64, activation="relu")(net)
net = keras.layers.Dense(int(y.max()) + 1, activation="softmax")(net)
model = keras.Model(net_in, net)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(x, y, epochs=6, batch_size=24, validation_split=0.2, verbose=2)
