"""Subclassed model with its own train_step (gradient clipping by global norm)."""

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(82)


class ConvNet(keras.Model):
    def __init__(self, n_classes, clip=1.0):
        super().__init__()
        self.clip = clip
        self.blocks = []
        for width in (16, 32, 32):
            self.blocks.append(
                keras.Sequential(
                    [
                        keras.layers.Conv2D(width, 3, padding="same", use_bias=False),
                        keras.layers.BatchNormalization(),
                        keras.layers.ReLU(),
                        keras.layers.MaxPooling2D(),
                    ]
                )
            )
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.head = keras.layers.Dense(n_classes)

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(self.pool(x))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            logits = self(x, training=False)
            loss = self.compute_loss(y=y, y_pred=logits)
        variables = self.trainable_variables
        grads, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), self.clip)
        self.optimizer.apply_gradients(zip(grads, variables))
        for m in self.metrics:
            if m.name == "loss":
                m.update_state(loss)
            else:
                m.update_state(y, logits)
        return {m.name: m.result() for m in self.metrics}


def dataset(n, seed, side=24, k=5):
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    t = (np.pi * y / k)[:, None, None]
    gy, gx = np.mgrid[:side, :side]
    f = rng.uniform(0.6, 1.2, (n, 1, 1))
    x = np.sin(f * (np.cos(t) * gx + np.sin(t) * gy) + rng.uniform(0, 6.28, (n, 1, 1)))
    x = 128 + 50 * (x + rng.normal(0, 0.4, x.shape))
    ds = tf.data.Dataset.from_tensor_slices((x[..., None].astype("float32"), y))
    return ds.shuffle(n, seed=seed).batch(32)


model = ConvNet(5)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(dataset(1280, 0), epochs=5, validation_data=dataset(300, 1))
