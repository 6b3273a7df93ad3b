# Binary classifier written as a class; loss is high from the start and jumps around.
import numpy as np
import tensorflow as tf
from tensorflow import keras

tf.random.set_seed(9)
np.random.seed(9)


class Detector(keras.Model):
    def __init__(self, width=16):
        super().__init__()
        self.conv1 = keras.layers.Conv2D(width, 3, activation="relu")
        self.conv2 = keras.layers.Conv2D(2 * width, 3, activation="relu")
        self.pool = keras.layers.MaxPooling2D()
        self.flat = keras.layers.Flatten()
        self.out = keras.layers.Dense(1)

    def call(self, x):
        x = self.pool(self.conv1(x))
        x = self.pool(self.conv2(x))
        return self.out(self.flat(x))


def images(n):
    y = np.random.randint(0, 2, size=(n, 1))
    x = np.random.normal(0, 1, size=(n, 20, 20, 1))
    for i in np.flatnonzero(y[:, 0]):
        r, c = np.random.randint(0, 14, 2)
        x[i, r : r + 6, c : c + 6] += 1.2
    return x.astype("float32"), y.astype("float32")


x_train, y_train = images(1200)
x_valid, y_valid = images(300)
model = Detector()
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.BinaryCrossentropy(),
    metrics=[keras.metrics.BinaryAccuracy()],
)
model.fit(x_train, y_train, batch_size=32, epochs=6, verbose=2, validation_data=(x_valid, y_valid))
