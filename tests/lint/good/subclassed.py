import keras
import numpy as np
from keras import ops


class Block(keras.layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.conv = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.norm = keras.layers.BatchNormalization(momentum=0.9)

    def call(self, x, training=None):
        return ops.relu(self.norm(self.conv(x), training=training))


class Net(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.blocks = [Block(filters) for filters in (16, 32)]
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.head = keras.layers.Dense(classes)

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(self.pool(x))


(x, y), (x_test, y_test) = keras.datasets.cifar10.load_data()
x, x_test = x.astype("float32") / 255, x_test.astype("float32") / 255
rng = np.random.default_rng(0)
order = rng.permutation(len(x))
net = Net(10)
net.compile(
    keras.optimizers.SGD(0.05, momentum=0.9),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
net.fit(x[order], y[order], batch_size=128, epochs=5, validation_split=0.1)
print(net.evaluate(x_test, y_test))
