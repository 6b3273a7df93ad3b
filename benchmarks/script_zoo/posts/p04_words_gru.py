"""Which of two groups of words prevails in a sequence? Embedding, GRU and tf.data."""
import keras
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

VOCAB, LENGTH, BATCH = 200, 24, 32
tf.keras.utils.set_random_seed(3)


def make(n, seed):
    r = np.random.default_rng(seed)
    label = r.integers(0, 2, n)
    words = r.integers(1, VOCAB, (n, LENGTH))
    mood = np.where(label[:, None] == 1, r.integers(1, 40, (n, 8)), r.integers(40, 80, (n, 8)))
    for row, extra in zip(words, mood):
        row[r.choice(LENGTH, 8, replace=False)] = extra
        row[LENGTH - r.integers(0, 6) :] = 0
    return words, label


def dataset(n, seed, training):
    ds = tf.data.Dataset.from_tensor_slices(make(n, seed))
    if training:
        ds = ds.shuffle(n)
    return ds.batch(BATCH).prefetch(tf.data.AUTOTUNE)


model = keras.Sequential(
    [
        layers.Embedding(VOCAB, 16, mask_zero=True),
        layers.GRU(24),
        layers.Dropout(0.3),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(dataset(1600, 0, True), validation_data=dataset(400, 1, False), epochs=6, verbose=2)
