"""One small trained model of each kind that people train, with its data."""

import functools

import keras
import numpy as np

from tests.doctor.own_steps import Adversaries, Frame, OwnStep

L = keras.layers
ops = keras.ops
TRAIN, VALIDATION, SIZE = 32, 16, 8
COUNT = TRAIN + VALIDATION
TENSORFLOW = keras.backend.backend() == "tensorflow"


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=(COUNT, *shape)).astype("float32")


def classes(count, *shape, seed=1):
    return np.random.default_rng(seed).integers(0, count, (COUNT, *shape))


def stack(*layers):
    return keras.Sequential(layers)


def dense(units, activation=None):
    norm = L.BatchNormalization(momentum=0.5)
    return stack(keras.Input((5,)), L.Dense(4), norm, L.Dense(units, activation))


def segmentation():
    model = stack(
        keras.Input((6, 6, 1)),
        L.Conv2D(4, 3, padding="same"),
        L.BatchNormalization(momentum=0.5),
        L.Conv2D(1, 1, activation="sigmoid"),
    )
    x = numbers(6, 6, 1)
    return model, {"loss": "binary_crossentropy"}, (x, (x > 0).astype("float32"))


def regression():
    x = numbers(5)
    return dense(1), {"loss": "mse"}, (x, x[:, :1] * 2)


def large_targets():
    x = numbers(5)
    return dense(1), {"loss": "mse"}, (x, 200_000 + 20_000 * x[:, :1])


def multi_output():
    inputs = {name: keras.Input((5,), name=name) for name in ("left", "right")}
    hidden = L.Concatenate()([L.Dense(4)(tensor) for tensor in inputs.values()])
    hidden = L.BatchNormalization(momentum=0.5)(hidden)
    heads = {
        "amount": L.Dense(1, name="amount")(hidden),
        "kind": L.Dense(2, "softmax", name="kind")(hidden),
    }
    losses = {"amount": "mse", "kind": "sparse_categorical_crossentropy"}
    settings = {"loss": losses, "loss_weights": {"amount": 0.1, "kind": 3.0}}
    x = {"left": numbers(5), "right": numbers(5, seed=2)}
    y = {"amount": x["left"][:, :1], "kind": (x["right"][:, 0] > 0).astype("int64")}
    return keras.Model(inputs, heads), settings, (x, y)


def multi_label():
    x = numbers(5)
    y = (x[:, :3] > 0).astype("float32")
    return dense(3, "sigmoid"), {"loss": "binary_crossentropy"}, (x, y)


def logits():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return dense(3), {"loss": loss}, (numbers(5), classes(3))


def sequence():
    model = stack(
        keras.Input((6, 3)),
        L.Conv1D(4, 3),
        L.BatchNormalization(momentum=0.5),
        L.GlobalAveragePooling1D(),
        L.Dense(1),
    )
    x = numbers(6, 3)
    return model, {"loss": "mae"}, (x, x.mean((1, 2))[:, None])


def padded():
    model = stack(
        keras.Input((6, 3)),
        L.Masking(),
        L.LSTM(4, return_sequences=True),
        L.BatchNormalization(momentum=0.5),
        L.Dense(1),
    )
    x = numbers(6, 3)
    x[np.arange(6) >= np.random.default_rng(3).integers(1, 7, COUNT)[:, None]] = 0
    return model, {"loss": "mse"}, (x, np.cumsum(x.sum(-1, keepdims=True), 1))


def text():
    words = np.array(["good", "bad", "fine", "awful"])[classes(4, 5)]
    texts = np.array([" ".join(row) for row in words])[:, None]
    layer = L.TextVectorization(output_sequence_length=5)
    layer.adapt(texts)
    inputs = keras.Input((1,), dtype="string")
    hidden = L.Conv1D(4, 2)(L.Embedding(8, 6)(layer(inputs)))
    hidden = L.BatchNormalization(momentum=0.5)(hidden)
    outputs = L.Dense(1, "sigmoid")(L.GlobalAveragePooling1D()(hidden))
    y = (words == "good").any(1).astype("float32")
    # Keras takes no texts of NumPy.
    texts = ops.convert_to_tensor(texts)
    return keras.Model(inputs, outputs), {"loss": "binary_crossentropy"}, (texts, y)


def autoencoder():
    x = numbers(5)
    return dense(5), {"loss": "mse"}, (x, x)


def volume():
    model = stack(
        keras.Input((4, 4, 4, 1)),
        L.Conv3D(3, 2),
        L.BatchNormalization(momentum=0.5),
        L.GlobalAveragePooling3D(),
        L.Dense(2, "softmax"),
    )
    y = np.eye(2, dtype="float32")[classes(2)]
    return model, {"loss": "categorical_crossentropy"}, (numbers(4, 4, 4, 1), y)


def siamese():
    # Behind a linear layer the bias would cancel in the difference.
    tower = dense(3, "tanh")
    pair = [keras.Input((5,)), keras.Input((5,))]
    first, second = (tower(tensor) for tensor in pair)
    outputs = L.Dense(1, "sigmoid")(ops.abs(first - second))
    x = numbers(5), numbers(5, seed=2)
    settings = {"loss": "binary_crossentropy"}
    return keras.Model(pair, outputs), settings, (x, classes(2).astype("float32"))


class Triplets(keras.Model):
    """Learns from the distances of three samples, without labels."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **more):
        near, far = (ops.square(y_pred[:, 0] - y_pred[:, i]) for i in (1, 2))
        return ops.mean(ops.relu(ops.sum(near, -1) - ops.sum(far, -1) + 1.0))


def triplet():
    inputs = keras.Input((3, 5))
    hidden = L.BatchNormalization(momentum=0.5)(L.Dense(4)(inputs))
    return Triplets(inputs, L.Dense(2)(hidden)), {}, (numbers(3, 5),)


def ctc():
    model = stack(
        keras.Input((8, 3)),
        L.Conv1D(4, 1),
        L.BatchNormalization(momentum=0.5),
        L.Dense(4),
    )
    return model, {"loss": keras.losses.CTC()}, (numbers(8, 3), 1 + classes(3, 2))


def gan():
    make = keras.optimizers.Adam
    settings = {"judge_optimizer": make(0.01), "maker_optimizer": make(0.01)}
    return Adversaries(), settings, (numbers(5),)


def own_step():
    inputs = keras.Input((5,))
    hidden = L.BatchNormalization(momentum=0.5)(L.Dense(4)(inputs))
    x = numbers(5)
    return OwnStep(inputs, L.Dense(1)(hidden)), {"loss": "mse"}, (x, x[:, :1])


def frame():
    return Frame(), {}, (numbers(5),)


class Subclassed(keras.Model):
    """Holds its layers in attributes."""

    def __init__(self, units=4, **more):
        super().__init__(**more)
        self.units = units
        self.inner, self.norm = L.Dense(units), L.BatchNormalization(momentum=0.5)
        self.head = L.Dense(1)

    def call(self, inputs, training=False):
        return self.head(self.norm(self.inner(inputs), training=training))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def subclassed():
    x = numbers(5)
    return Subclassed(), {"loss": "mse"}, (x, x[:, :1])


def transfer():
    base = stack(keras.Input((6, 6, 1)), L.Conv2D(3, 3), L.BatchNormalization())
    base.trainable = False
    inputs = keras.Input((6, 6, 1))
    hidden = L.GlobalAveragePooling2D()(base(inputs, training=False))
    hidden = L.BatchNormalization(momentum=0.5)(L.Dense(4)(hidden))
    model = keras.Model(inputs, L.Dense(3, "softmax")(hidden))
    settings = {"loss": "sparse_categorical_crossentropy"}
    return model, settings, (numbers(6, 6, 1), classes(3))


KINDS = {
    kind.__name__: kind
    for kind in (
        segmentation,
        regression,
        large_targets,
        multi_output,
        multi_label,
        logits,
        sequence,
        padded,
        autoencoder,
        volume,
        siamese,
        triplet,
        ctc,
        subclassed,
        transfer,
        own_step,
        frame,
        # On JAX `fit` hands on the state of one optimizer, a model has no second one.
        *((gan,) if keras.backend.backend() != "jax" else ()),
        # Strings are TensorFlow's, and so is TextVectorization.
        *((text,) if TENSORFLOW else ()),
    )
}
# Kinds whose networks differ: the others have that of `regression` and another loss.
NETWORKS = [
    kind
    for kind in KINDS
    if kind not in ("large_targets", "multi_label", "logits", "autoencoder")
]


class Batches(keras.utils.PyDataset):
    """Batches by number, as `fit` and `evaluate` take them."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]


def cut(data, start, stop):
    """Return batches of `(x, y)`, or of `(x,)` where there are no labels."""
    return [
        keras.tree.map_structure(lambda a, i=i: a[i : i + SIZE], data)
        for i in range(start, stop, SIZE)
    ]


@functools.cache
def trained(kind):
    """Return a trained model of one kind, training and validation batches."""
    keras.utils.set_random_seed(0)
    model, settings, data = KINDS[kind]()
    if "judge_optimizer" not in settings:
        settings = {"optimizer": keras.optimizers.Adam(0.01), **settings}
        settings["jit_compile"] = False
    model.compile(**settings)
    train, validation = cut(data, 0, TRAIN), cut(data, TRAIN, COUNT)
    model.fit(Batches(train), epochs=2, verbose=0)
    return model, train, validation
