import tensorflow as tf
from tensorflow.keras import layers

tf.keras.utils.set_random_seed(14)
common = {"image_size": (32, 32), "batch_size": 32, "seed": 14}
train_ds = tf.keras.utils.image_dataset_from_directory("data/shapes/train", **common)
val_ds = tf.keras.utils.image_dataset_from_directory("data/shapes/validation", **common)

augment = tf.keras.Sequential([
    layers.RandomRotation(0.4),
    layers.RandomZoom(0.4),
    layers.RandomContrast(0.4),
])

def prepare(ds):
    ds = ds.map(lambda x, y: (x / 255., y))
    ds = ds.map(lambda x, y: (augment(x, training=True), y), num_parallel_calls=tf.data.AUTOTUNE)
    return ds.prefetch(tf.data.AUTOTUNE)

train_ds, val_ds = prepare(train_ds), prepare(val_ds)

model = tf.keras.Sequential([
    layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(3),
])
model.compile(optimizer="adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
model.fit(train_ds, validation_data=val_ds, epochs=5, verbose=2)
