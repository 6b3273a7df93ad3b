"""Trains with and without a MirroredStrategy of two logical devices.

Run as a program, because TensorFlow takes logical devices only before anything else.
It prints, for each optimizer named on the command line, the largest difference between
the weights that two replicas and one device end with.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from kerasnorm.optimizers import AGC, SAM, GradientCentralization, Lookahead, Ranger21


def sgd():
    return keras.optimizers.SGD(0.05, momentum=0.9)


OPTIMIZERS = {
    "plain": sgd,
    "nested": lambda: AGC(
        GradientCentralization(Lookahead(sgd(), sync_period=2)), 0.1, count_clips=True
    ),
    "ranger21": lambda: Ranger21(1e-2, sync_period=2),
    "sam": lambda: SAM(AGC(sgd(), 0.1), rho=0.5),
    "sam and batch norm": lambda: SAM(sgd(), rho=0.1),
    "loss scaling": lambda: keras.optimizers.LossScaleOptimizer(
        AGC(Lookahead(sgd(), sync_period=2), 0.1)
    ),
}


def train(name, strategy):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((16, 8, 8, 2)).astype("float32")
    y = 10 * generator.standard_normal((16, 3)).astype("float32")
    norm = []
    if "batch norm" in name:
        # Both replicas see the same, and so the same statistics as one device.
        x, y = (np.concatenate([a[:4], a[:4], a[4:8], a[4:8]]) for a in (x, y))
    with strategy.scope():
        if "batch norm" in name:
            norm = [keras.layers.BatchNormalization()]
        keras.utils.set_random_seed(7)
        model = keras.Sequential(
            [
                keras.Input((8, 8, 2)),
                keras.layers.Conv2D(4, 3, activation="relu"),
                keras.layers.DepthwiseConv2D(3),
                *norm,
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(3),
            ]
        )
        model.compile(OPTIMIZERS[name](), "mse", jit_compile=False)
        if isinstance(model.optimizer, SAM):
            model.optimizer.attach(model)
    model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    return model.get_weights()


def main():
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    # One for all: the collective operations of several would get into each other's way.
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    differences = {}
    for name in sys.argv[1:]:
        one = train(name, tf.distribute.get_strategy())
        two = train(name, mirrored)
        pairs = zip(one, two, strict=True)
        differences[name] = max(float(np.abs(a - b).max()) for a, b in pairs)
    print(json.dumps(differences))


if __name__ == "__main__":
    main()
