"""Trains with data of every kind; prints what a watched run must not change."""

import hashlib
import importlib.util
import itertools
import random

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


def batches(count=None, drawing=None):
    """Yield batches, without end if there is no count."""
    # On TensorFlow, Keras draws ahead in a thread: how often is a matter of time, so
    # that what is drawn has no part in the random state that is compared.
    drawing = drawing or np.random.default_rng(1)
    while count is None or count > 0:
        chosen = drawing.integers(0, len(X), 32)
        yield X[chosen], Y[chosen]
        count = None if count is None else count - 1


def fit_twice(model, *arguments, **options):
    for _ in range(2):
        history = model.fit(*arguments, **options, **OPTIONS)
    return history


def arrays(model):
    return fit_twice(model, X[:96], Y[:96], validation_data=(X[96:], Y[96:]))


def split(model):
    return model.fit(X, Y, validation_split=0.25, **OPTIONS)


def class_weights(model):
    weights = {0: 1.0, 1: 2.0}
    return model.fit(X, Y, validation_split=0.25, class_weight=weights, **OPTIONS)


def sample_weights(model):
    return model.fit(X, Y, 16, sample_weight=np.linspace(0.5, 1, len(X)), **OPTIONS)


def one_pass(model):
    given = batches(40)
    history = model.fit(given, steps_per_epoch=2, verbose=0)
    print("not used up", next(given, None) is not None)
    return history


def finite(model):
    return model.fit(batches(3), **OPTIONS)


def endless(model):
    return model.fit(batches(), steps_per_epoch=3, **OPTIONS)


def validated(model):
    return model.fit(X, Y, validation_data=batches(), validation_steps=2, **OPTIONS)


def shared_state(model):
    return model.fit(batches(drawing=GENERATOR), steps_per_epoch=3, **OPTIONS)


def py_dataset(model):
    given = Batches()
    history = fit_twice(model, given)
    print("asked for", given.seen)
    return history


def tensors():
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, Y))


def tf_data(model):
    import tensorflow as tf

    augment = keras.Sequential([keras.layers.RandomTranslation(0.2, 0.2)])

    def change(x, y):
        return augment(x, training=True) + tf.random.normal(tf.shape(x)), y

    train = tensors().skip(32).shuffle(96).batch(32).map(change).prefetch(2)
    return fit_twice(model, train, validation_data=tensors().take(32).batch(32))


def tf_repeated(model):
    data = tensors().cache().shuffle(128, seed=4).repeat().batch(32)
    return model.fit(data, steps_per_epoch=3, **OPTIONS)


def tf_generator(model):
    import tensorflow as tf

    spec = tf.TensorSpec((None, 8, 8, 1)), tf.TensorSpec((None,), "int64")
    data = tf.data.Dataset.from_generator(batches, args=(3,), output_signature=spec)
    return model.fit(data, **OPTIONS)


def loader(model):
    import torch

    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    return model.fit(torch.utils.data.DataLoader(data, 32, shuffle=True), **OPTIONS)


MODELS = {
    "sequential": network,
    "unbuilt": lambda: network(inputs=False),
    "subclassed": Net,
    "own_step": OwnStep,
}
# What `fit` is given, and what of Keras' backends and packages it needs: an iterator in
# a thread of TensorFlow draws a number of batches that is a matter of time.
# `from_generator` comes first: it is only read again while no earlier `fit` has left
# generators of Keras' own that cannot begin anew.
DATA = {
    tf_generator: "tensorflow",
    arrays: "",
    split: "",
    class_weights: "",
    sample_weights: "",
    one_pass: "",
    finite: "",
    endless: "",
    validated: "",
    shared_state: "no thread",
    py_dataset: "",
    tf_data: "tensorflow",
    tf_repeated: "tensorflow",
    loader: "torch",
}
TWICE = (arrays, py_dataset, tf_data)


def kinds():
    """Return data and model by name: each data once, each model in turn."""
    models = itertools.cycle(MODELS)
    paired = {fit: next(models) for fit in DATA}
    return {
        f"{fit.__name__}-{model}": (fit, MODELS[model])
        for fit, model in paired.items()
        if _is_possible(DATA[fit])
    }


def _is_possible(need):
    if need == "no thread":
        return keras.backend.backend() != "tensorflow"
    return not need or importlib.util.find_spec(need) is not None


def main():
    for kind, (fit, build) in kinds().items():
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
    main()
