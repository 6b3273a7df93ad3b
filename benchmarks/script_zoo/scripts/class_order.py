"""ImageDataGenerator with explicit class lists."""

import sys

import keras
from keras import layers
from keras.src.legacy.preprocessing.image import ImageDataGenerator

keras.utils.set_random_seed(37)
CLASSES = ["circle", "square", "triangle"]
root = sys.argv[1]

gen = ImageDataGenerator(rescale=1.0 / 255)
train = gen.flow_from_directory(
    f"{root}/train",
    target_size=(48, 48),
    classes=CLASSES,
    class_mode="categorical",
    batch_size=24,
    seed=37,
)
val = gen.flow_from_directory(
    f"{root}/validation",
    target_size=(48, 48),
    classes=["triangle", "circle", "square"],
    class_mode="categorical",
    batch_size=24,
    shuffle=False,
)

x = inputs = keras.Input((48, 48, 3))
for filters in (24, 48, 64):
    x = layers.Conv2D(filters, 3, activation="relu")(x)
    x = layers.MaxPooling2D()(x)
x = layers.Flatten()(x)
x = layers.Dense(64, activation="relu")(x)
model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
model.compile(
    keras.optimizers.Adam(2e-3), "categorical_crossentropy", metrics=["accuracy"]
)
model.fit(train, epochs=6, validation_data=val)
