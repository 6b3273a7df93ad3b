"""Train MobileNetV2 (narrow, from scratch) on a fruit folder."""

import sys

import keras
from keras import layers
from keras.applications import MobileNetV2
from keras.applications.mobilenet_v2 import preprocess_input
from keras.applications.resnet50 import preprocess_input as preprocess_val

keras.utils.set_random_seed(5)
root = sys.argv[1]
size = (32, 32)

train_ds = keras.utils.image_dataset_from_directory(
    f"{root}/train", image_size=size, batch_size=32, label_mode="categorical", seed=5
)
val_ds = keras.utils.image_dataset_from_directory(
    f"{root}/validation", image_size=size, batch_size=32, label_mode="categorical"
)
n = len(train_ds.class_names)

train_ds = train_ds.map(lambda x, y: (preprocess_input(x), y)).cache()
val_ds = val_ds.map(lambda x, y: (preprocess_val(x), y)).cache()

full = MobileNetV2(
    input_shape=size + (3,), alpha=0.35, include_top=False, weights=None
)
# the first two stages are plenty for 32x32
base = keras.Model(full.input, full.get_layer("block_2_add").output)

x = layers.GlobalAveragePooling2D()(base.output)
x = layers.Dense(n, activation="softmax")(x)
model = keras.Model(base.input, x)
for layer in model.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.momentum = 0.9

model.compile(keras.optimizers.Adam(3e-3), "categorical_crossentropy", metrics=["accuracy"])
model.fit(train_ds, validation_data=val_ds, epochs=5)
