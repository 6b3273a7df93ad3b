"""Trains with data of every kind; prints what a watched run must not change.

python all_kinds.py KIND...
"""

import hashlib
import random
import sys

import keras
import numpy as np

GENERATOR = np.random.default_rng(0)
Y = GENERATOR.integers(0, 2, 128)
X = GENERATOR.normal(0, 1, (128, 8, 8, 1)).astype("float32")
X[Y == 1, 2:5, 2:5] += 1.5
OPTIONS = {"epochs": 2, "verbose": 0}


def network(inputs=True):
    layers = [keras.Input((8, 8, 1))] if inputs else []
    return keras.Sequential(
        [
            *layers,
            keras.layers.Conv2D(4, 3, use_bias=False),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


class Batches(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()
        self.order, self.seen = np.arange(len(X)), 0
        self.random = np.random.default_rng(5)

    def __len__(self):
        return 4

    def __getitem__(self, number):
        self.seen += 1
        chosen = self.order[32 * number : 32 * number + 32]
        return X[chosen] + self.random.normal(0, 0.1, (32, 8, 8, 1)), Y[chosen]

    def on_epoch_end(self):
        self.random.shuffle(self.order)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = network(inputs=False)

    def call(self, x, training=None):
        return self.body(x, training=training)


class OwnStep(Net):
    def train_step(self, *arguments, **options):
        print("own step")
        return super().train_step(*arguments, **options)


def endless():
    # Keras draws ahead in a thread: how often is a matter of time, so that this has no
    # part in the random state that is compared.
    drawing = np.random.default_rng(1)
    while True:
        chosen = drawing.integers(0, len(X), 32)
        yield X[chosen], Y[chosen]


def fit_twice(model, *arguments, **options):
    for _ in range(2):
        history = model.fit(*arguments, **options, **OPTIONS)
    return history


def arrays(model):
    return fit_twice(model, X[:96], Y[:96], validation_data=(X[96:], Y[96:]))


def split(model):
    weights = {0: 1.0, 1: 2.0}
    return fit_twice(model, X, Y, validation_split=0.25, class_weight=weights)


def sample_weights(model):
    return fit_twice(model, X, Y, 16, sample_weight=np.linspace(0.5, 1, len(X)))


def one_pass(model):
    batches = ((X[i : i + 32], Y[i : i + 32]) for i in range(0, 256, 32))
    history = model.fit(batches, steps_per_epoch=2, verbose=0)
    print("left", sum(len(x) for x, _ in batches if len(x)))
    return history


def generator(model):
    return model.fit(endless(), steps_per_epoch=3, **OPTIONS)


def py_dataset(model):
    batches = Batches()
    history = fit_twice(model, batches)
    print("asked for", batches.seen)
    return history


def tf_data(model):
    import tensorflow as tf

    augment = keras.Sequential([keras.layers.RandomTranslation(0.2, 0.2)])

    def change(x, y):
        return augment(x, training=True) + tf.random.normal(tf.shape(x)), y

    data = tf.data.Dataset.from_tensor_slices((X, Y))
    train = data.skip(32).shuffle(96).batch(32).map(change).prefetch(2)
    return fit_twice(model, train, validation_data=data.take(32).batch(32))


def subclassed(model):
    return fit_twice(model, X, Y)


KINDS = {
    "arrays": (arrays, network),
    "split": (split, network),
    "sample_weights": (sample_weights, network),
    "one_pass": (one_pass, network),
    "generator": (generator, network),
    "py_dataset": (py_dataset, network),
    "tf_data": (tf_data, network),
    "unbuilt": (subclassed, lambda: network(inputs=False)),
    "subclassed": (subclassed, Net),
    "own_step": (subclassed, OwnStep),
}


def main(kinds):
    for kind in kinds:
        fit, build = KINDS[kind]
        keras.utils.set_random_seed(3)
        print("kind", kind)
        model = build()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = fit(model).history
        print({name: [float(v) for v in values] for name, values in history.items()})
        values = [*model.variables, *model.optimizer.variables]
        bits = b"".join(keras.ops.convert_to_numpy(v).tobytes() for v in values)
        print("weights", hashlib.sha256(bits).hexdigest())
        drawn = keras.ops.convert_to_numpy(keras.random.normal((2,))).tolist()
        print("random", random.random(), np.random.rand(), GENERATOR.random(), drawn)
        print("name", keras.layers.Dense(1).name)


if __name__ == "__main__":
    main(sys.argv[1:])
