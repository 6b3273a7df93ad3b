"""What watching costs a training besides preflight and examination.

    python -m benchmarks.watch_overhead [--repeats 7]

One network is trained again and again, in turn as it is and watched as by `kerasnorm
run`, and takes its own time from the first to the last step, as a script could: in
processor seconds, which other work on the machine changes little, and by the clock.
Printed are medians, and the median of the ratios of neighbours.
"""

import argparse
import statistics
import tempfile
import time

import keras
import numpy as np

from kerasnorm.watch.session import Session

SAMPLES, SIZE, BATCH, EPOCHS = 2048, 24, 32, 3


class Clock(keras.callbacks.Callback):
    """Takes the time of a training, in processor seconds and by the clock."""

    def on_train_begin(self, logs=None):
        """Begin."""
        self.begun = time.process_time(), time.perf_counter()

    def on_train_end(self, logs=None):
        """End."""
        ended = time.process_time(), time.perf_counter()
        self.taken = tuple(e - b for b, e in zip(self.begun, ended, strict=True))


class Batches(keras.utils.PyDataset):
    """The samples as a data set of Python."""

    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return SAMPLES // BATCH

    def __getitem__(self, number):
        chosen = slice(number * BATCH, (number + 1) * BATCH)
        return self.x[chosen], self.y[chosen]


def endless(x, y):
    """Yield batches without end."""
    while True:
        for begin in range(0, SAMPLES, BATCH):
            yield x[begin : begin + BATCH], y[begin : begin + BATCH]


def data_sets(x, y):
    """Return arguments of `fit` by kind of data, made anew for each training."""
    found = {
        "arrays": lambda: {"x": x, "y": y, "batch_size": BATCH},
        "PyDataset": lambda: {"x": Batches(x, y)},
        "generator": lambda: {
            "x": endless(x, y),
            "steps_per_epoch": SAMPLES // BATCH,
        },
    }
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(256).batch(BATCH)
        found["tf.data"] = lambda: {"x": data}
    return found


def network():
    """Return a small network with batch norms."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3))])
    for width in (16, 32, 32):
        model.add(layers.Conv2D(width, 3, padding="same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(2, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(model, given, watched):
    """Return what one training took.

    Args:
        model: The network.
        given: Arguments of `fit`.
        watched: Whether it is watched.
    """
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        session = Session("overhead", folder, preflight=1.0, examination=1.0)
        if watched:
            session.start()
        try:
            model.fit(**given, epochs=EPOCHS, verbose=0, callbacks=[clock])
        finally:
            session.stop()
    return clock.taken


def main():
    """Print one line for each kind of data."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    random = np.random.default_rng(0)
    x = random.uniform(0, 1, (SAMPLES, SIZE, SIZE, 3)).astype("float32")
    y = random.integers(0, 2, SAMPLES)
    for name, made in data_sets(x, y).items():
        model = network()
        trained(model, made(), False)
        taken = {False: [], True: []}
        for number in range(repeats):
            for watched in (number % 2 == 0, number % 2 == 1):
                taken[watched].append(trained(model, made(), watched))
        for place, unit in enumerate(("processor s", "s by the clock")):
            alone, watched = ([t[place] for t in taken[key]] for key in (False, True))
            ratios = sorted(w / a for a, w in zip(alone, watched, strict=True))
            print(
                f"{name}: {statistics.median(alone):.2f} {unit} alone, "
                f"{statistics.median(watched):.2f} watched; "
                f"{statistics.median(ratios) - 1:+.1%} "
                f"({ratios[0] - 1:+.1%} to {ratios[-1] - 1:+.1%}, n = {repeats})",
                flush=True,
            )


if __name__ == "__main__":
    main()
