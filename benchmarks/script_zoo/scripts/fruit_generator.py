"""Fruit sorter. Usage: python fruit_generator.py path/to/fruit"""

import os
import sys

from tensorflow import keras
from tensorflow.keras.layers import (
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    MaxPooling2D,
)
from tensorflow.keras.preprocessing.image import ImageDataGenerator

keras.utils.set_random_seed(1)
root = sys.argv[1]
train_dir = os.path.join(root, "train")
val_dir = os.path.join(root, "validation")

width, height = 32, 32

train_gen = ImageDataGenerator(
    rescale=1 / 255.0,
    rotation_range=15,
    horizontal_flip=True,
)
val_gen = ImageDataGenerator()

train_it = train_gen.flow_from_directory(
    train_dir, target_size=(height, width), batch_size=32, class_mode="sparse"
)
val_it = val_gen.flow_from_directory(
    val_dir,
    target_size=(height, width),
    batch_size=32,
    class_mode="sparse",
    shuffle=False,
)

model = keras.models.Sequential()
model.add(keras.Input(shape=(height, width, 3)))
model.add(Conv2D(16, (3, 3), activation="relu", padding="same"))
model.add(MaxPooling2D())
model.add(Conv2D(32, (3, 3), activation="relu", padding="same"))
model.add(GlobalAveragePooling2D())
model.add(Dropout(0.1))
model.add(Dense(len(train_it.class_indices), activation="softmax"))

model.compile(
    keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(train_it, epochs=5, validation_data=val_it, verbose=2)
print(model.evaluate(val_it, verbose=0))
