"""Own training loop with GradientTape."""

import time

import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(60)
rng = np.random.default_rng(60)
SIDE, CLASSES, BATCH, EPOCHS = 24, 4, 32, 5


def gratings(n):
    y = rng.integers(CLASSES, size=n)
    t = (np.pi * y / CLASSES)[:, None, None]
    gy, gx = np.mgrid[:SIDE, :SIDE]
    f = rng.uniform(0.6, 1.2, (n, 1, 1))
    x = np.sin(f * (np.cos(t) * gx + np.sin(t) * gy) + rng.uniform(0, 6.28, (n, 1, 1)))
    return (x + rng.normal(0, 0.4, x.shape))[..., None].astype("float32"), y


train_ds = tf.data.Dataset.from_tensor_slices(gratings(1280)).shuffle(1280).batch(BATCH)
val_ds = tf.data.Dataset.from_tensor_slices(gratings(300)).batch(BATCH)

model = keras.Sequential(
    [
        keras.Input((SIDE, SIDE, 1)),
        keras.layers.Conv2D(16, 3, padding="same", use_bias=False),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.ReLU(),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, padding="same", use_bias=False),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.ReLU(),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(CLASSES),
    ]
)
optimizer = keras.optimizers.Adam(3e-3)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
train_acc = keras.metrics.SparseCategoricalAccuracy()
val_acc = keras.metrics.SparseCategoricalAccuracy()


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss = loss_fn(y, logits)
    grads = tape.gradient(loss, model.trainable_weights)
    optimizer.apply(grads, model.trainable_weights)
    train_acc.update_state(y, logits)
    return loss


@tf.function
def test_step(x, y):
    val_acc.update_state(y, model(x, training=False))


for epoch in range(EPOCHS):
    start = time.time()
    for x, y in train_ds:
        loss = train_step(x, y)
    for x, y in val_ds:
        test_step(x, y)
    print(
        f"epoch {epoch}: acc {float(train_acc.result()):.3f} "
        f"val_acc {float(val_acc.result()):.3f} ({time.time() - start:.1f} s)"
    )
    train_acc.reset_state()
    val_acc.reset_state()
