"""Custom train_step: mixup."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(81)
SIDE, K = 24, 4


def gratings(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(K, size=n)
    t = (np.pi * y / K)[:, None, None]
    gy, gx = np.mgrid[:SIDE, :SIDE]
    f = rng.uniform(0.6, 1.2, (n, 1, 1))
    x = np.sin(f * (np.cos(t) * gx + np.sin(t) * gy) + rng.uniform(0, 6.28, (n, 1, 1)))
    x = (x + rng.normal(0, 0.3, x.shape))[..., None].astype("float32")
    return x, keras.utils.to_categorical(y, K).astype("float32")


class MixupModel(keras.Model):
    def train_step(self, data):
        x, y = data
        lam = tf.random.uniform([tf.shape(x)[0], 1], 0.8, 1.0)
        order = tf.random.shuffle(tf.range(tf.shape(x)[0]))
        lam_x = lam[:, :, None, None]
        x_mix = lam_x * x + (1 - lam_x) * tf.gather(x, order)
        y_mix = lam * y + (1 - lam) * tf.gather(y, order)
        with tf.GradientTape() as tape:
            pred = self(x_mix, training=True)
            loss = self.compute_loss(x=x_mix, y=y_mix, y_pred=pred)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, pred)
        return {m.name: m.result() for m in self.metrics}


inputs = keras.Input((SIDE, SIDE, 1))
x = layers.Conv2D(16, 5, use_bias=False)(inputs)
x = layers.BatchNormalization(momentum=0.9)(x)
x = layers.ReLU()(x)
x = layers.MaxPooling2D()(x)
x = layers.Conv2D(32, 3, activation="relu")(x)
x = layers.GlobalAveragePooling2D()(x)
outputs = layers.Dense(K, activation="softmax")(x)
model = MixupModel(inputs, outputs)
model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(
    *gratings(1280, 0), batch_size=32, epochs=5, validation_data=gratings(300, 1)
)
