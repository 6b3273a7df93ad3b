"""Tiny residual network for shapes."""

import sys

import keras
from keras import layers

keras.utils.set_random_seed(15)
BN = dict(momentum=0.999, epsilon=1e-3)


def norm_relu(x):
    return layers.ReLU()(layers.BatchNormalization(**BN)(x))


def res_block(x, filters, stride):
    skip = layers.Conv2D(filters, 1, strides=stride, use_bias=False)(x)
    x = norm_relu(
        layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    )
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(**BN)(x)
    return layers.ReLU()(layers.Add()([x, skip]))


def resnet(n_classes):
    inp = keras.Input((48, 48, 3))
    x = layers.Rescaling(1 / 127.5, -1)(inp)
    x = norm_relu(layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(x))
    for filters, stride in [(16, 1), (32, 2), (64, 2)]:
        x = res_block(x, filters, stride)
    x = layers.GlobalMaxPooling2D()(x)
    return keras.Model(inp, layers.Dense(n_classes, activation="softmax")(x))


root = sys.argv[1]
load = keras.utils.image_dataset_from_directory
train = load(root + "/train", image_size=(48, 48), batch_size=32, seed=15)
val = load(root + "/validation", image_size=(48, 48), batch_size=32, shuffle=False)
model = resnet(3)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train, validation_data=val, epochs=6)
