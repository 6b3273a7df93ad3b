"""MobileNetV2 trunk from scratch, 4 kinds of fruit, functional style."""

import os
import sys

import keras
from keras import layers
from keras.applications.mobilenet_v2 import MobileNetV2, preprocess_input

CONFIG = dict(size=32, batch=32, epochs=5, lr=3e-3, seed=17)


def make_dataset(split, shuffle):
    ds = keras.utils.image_dataset_from_directory(
        os.path.join(sys.argv[1], split),
        image_size=(CONFIG["size"], CONFIG["size"]),
        batch_size=CONFIG["batch"],
        label_mode="categorical",
        shuffle=shuffle,
        seed=CONFIG["seed"],
    )
    return ds.map(lambda image, label: (preprocess_input(image), label))


def make_model(classes):
    trunk = MobileNetV2(
        input_shape=(CONFIG["size"], CONFIG["size"], 3),
        alpha=0.35,
        include_top=False,
        weights=None,
    )
    features = trunk.get_layer("block_2_add").output
    features = layers.GlobalAveragePooling2D()(features)
    model = keras.Model(trunk.input, layers.Dense(classes, "softmax")(features))
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9  # 30 steps an epoch, 0.999 would never catch up
    return model


keras.utils.set_random_seed(CONFIG["seed"])
train = make_dataset("train", True)
val = make_dataset("validation", False)
model = make_model(4)
model.compile(
    optimizer=keras.optimizers.Adam(CONFIG["lr"]),
    loss="categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train, epochs=CONFIG["epochs"], validation_data=val, verbose=2)
