# val_accuracy does not move, what is wrong with my fine-tuning?
import keras
import numpy as np
import tensorflow as tf
from tensorflow.keras.applications.mobilenet_v2 import preprocess_input

keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)


def scenes(n):
    label = rng.integers(0, 2, n)
    img = rng.normal(110, 30, (n, 32, 32, 3))
    for i, k in enumerate(label):
        r, c = rng.integers(0, 20, 2)
        img[i, r : r + 12, c : c + 12, 2 * k] += 70
    return np.clip(img, 0, 255).astype("float32"), label


AUTO = tf.data.AUTOTUNE
train_ds = tf.data.Dataset.from_tensor_slices(scenes(1000)).shuffle(1000).batch(32)
valid_ds = tf.data.Dataset.from_tensor_slices(scenes(300)).batch(32)


def prepare(image, label):
    return preprocess_input(image), label


train_ds = train_ds.map(prepare, num_parallel_calls=AUTO).prefetch(AUTO)
valid_ds = valid_ds.prefetch(AUTO)

body = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.GlobalAveragePooling2D(),
    ]
)
inputs = keras.Input((32, 32, 3))
outputs = keras.layers.Dense(2, activation="softmax")(body(inputs))
model = keras.Model(inputs, outputs)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train_ds, validation_data=valid_ds, epochs=6, verbose=2)
