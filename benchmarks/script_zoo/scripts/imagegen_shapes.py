# Shape classifier, ImageDataGenerator version
import sys

import keras
from keras import layers
from tensorflow.keras.preprocessing.image import ImageDataGenerator

DATA = sys.argv[1] if len(sys.argv) > 1 else "shapes"
IMG = 48
BATCH = 24
EPOCHS = 6

keras.utils.set_random_seed(7)

train_datagen = ImageDataGenerator(
    rescale=1.0 / 255, horizontal_flip=True, width_shift_range=0.05
)
test_datagen = ImageDataGenerator(rescale=1.0 / 255)

train_generator = train_datagen.flow_from_directory(
    DATA + "/train", target_size=(IMG, IMG), batch_size=BATCH, class_mode="categorical"
)
validation_generator = test_datagen.flow_from_directory(
    DATA + "/validation",
    target_size=(IMG, IMG),
    batch_size=BATCH,
    class_mode="categorical",
)

model = keras.Sequential(
    [
        keras.Input((IMG, IMG, 3)),
        layers.Conv2D(24, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(48, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss="categorical_crossentropy",
    metrics=["accuracy"],
)
history = model.fit(
    train_generator, epochs=EPOCHS, validation_data=validation_generator
)
print("best val acc", max(history.history["val_accuracy"]))
