"""Shape classifier; keep file order fixed so that predictions can be matched."""

import os
import sys

import keras
from keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from keras.models import Model
from tensorflow.keras.preprocessing.image import ImageDataGenerator

keras.utils.set_random_seed(55)
datagen = ImageDataGenerator(rescale=1.0 / 255)


def flow(split):
    return datagen.flow_from_directory(
        os.path.join(sys.argv[1], split),
        target_size=(48, 48),
        batch_size=24,
        class_mode="categorical",
        shuffle=False,
    )


training_set = flow("train")
validation_set = flow("validation")

inputs = Input((48, 48, 3))
x = Conv2D(24, 3, activation="relu")(inputs)
x = MaxPooling2D()(x)
x = Conv2D(48, 3, activation="relu")(x)
x = MaxPooling2D()(x)
x = Conv2D(64, 3, activation="relu")(x)
x = MaxPooling2D()(x)
x = Flatten()(x)
x = Dense(64, activation="relu")(x)
outputs = Dense(training_set.num_classes, activation="softmax")(x)
classifier = Model(inputs, outputs)

classifier.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss="categorical_crossentropy",
    metrics=["accuracy"],
)
classifier.fit(training_set, epochs=6, validation_data=validation_set)
