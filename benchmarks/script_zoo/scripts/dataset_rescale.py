import sys

import keras
import tensorflow as tf

keras.utils.set_random_seed(42)
BATCH_SIZE, IMG_SIZE = 32, (40, 40)
AUTOTUNE = tf.data.AUTOTUNE

train_ds = keras.utils.image_dataset_from_directory(
    sys.argv[1] + "/train", shuffle=True, batch_size=BATCH_SIZE, image_size=IMG_SIZE
)
val_ds = keras.utils.image_dataset_from_directory(
    sys.argv[1] + "/validation", batch_size=BATCH_SIZE, image_size=IMG_SIZE
)
class_names = train_ds.class_names

normalization_layer = keras.layers.Rescaling(1.0 / 127.5, offset=-1)
train_ds = train_ds.map(lambda x, y: (normalization_layer(x), y))

train_ds = train_ds.cache().shuffle(1000).prefetch(AUTOTUNE)
val_ds = val_ds.cache().prefetch(AUTOTUNE)

model = keras.Sequential(
    [
        keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
        keras.layers.Conv2D(64, 3, strides=2, activation="relu"),
        keras.layers.Conv2D(64, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(len(class_names)),
    ]
)

model.compile(
    optimizer="adam",
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(train_ds, validation_data=val_ds, epochs=6)
