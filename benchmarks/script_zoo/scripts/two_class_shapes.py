# circles against squares
import os
import sys

import keras
from keras import layers

keras.utils.set_random_seed(31)
data_dir = sys.argv[1]
names = ["circle", "square"]


def split_of(name, **kw):
    # only two of the folders are used
    ds = keras.utils.image_dataset_from_directory(
        os.path.join(data_dir, name),
        label_mode="int",
        image_size=(48, 48),
        batch_size=None,
        **kw,
    )
    return ds.filter(lambda image, label: label < 2).batch(16)


train = split_of("train", seed=31)
val = split_of("validation", shuffle=False)

inp = keras.Input((48, 48, 3))
x = layers.Rescaling(1 / 255)(inp)
for f in [24, 48, 64]:
    x = layers.Conv2D(f, 3, activation="relu")(x)
    x = layers.MaxPooling2D()(x)
x = layers.Flatten()(x)
x = layers.Dense(64, activation="relu")(x)
out = layers.Dense(1, activation="softmax")(x)

model = keras.Model(inp, out)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss="binary_crossentropy",
    metrics=["accuracy"],
)
model.fit(train, validation_data=val, epochs=4)
