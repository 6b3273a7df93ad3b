# one generator, 80/20 split
import sys

import keras
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.src.legacy.preprocessing.image import ImageDataGenerator

keras.utils.set_random_seed(0)

datagen = ImageDataGenerator(
    rescale=1.0 / 255,
    rotation_range=20,
    width_shift_range=0.1,
    height_shift_range=0.1,
    zoom_range=0.2,
    horizontal_flip=True,
    fill_mode="nearest",
    validation_split=0.2,
)

train_generator = datagen.flow_from_directory(
    sys.argv[1] + "/train",
    target_size=(48, 48),
    batch_size=20,
    class_mode="categorical",
    subset="training",
)
val_generator = datagen.flow_from_directory(
    sys.argv[1] + "/train",
    target_size=(48, 48),
    batch_size=20,
    class_mode="categorical",
    subset="validation",
)

model = keras.models.Sequential(
    [
        keras.Input((48, 48, 3)),
        Conv2D(24, 3, activation="relu"),
        MaxPooling2D(2),
        Conv2D(48, 3, activation="relu"),
        MaxPooling2D(2),
        Conv2D(64, 3, activation="relu"),
        MaxPooling2D(2),
        Flatten(),
        Dense(64, activation="relu"),
        Dropout(0.2),
        Dense(3, activation="softmax"),
    ]
)
model.compile(
    loss="categorical_crossentropy",
    optimizer=keras.optimizers.Adam(2e-3),
    metrics=["accuracy"],
)
model.fit(
    train_generator,
    steps_per_epoch=len(train_generator),
    epochs=6,
    validation_data=val_generator,
)
