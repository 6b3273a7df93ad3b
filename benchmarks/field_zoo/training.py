"""Trains a set-up and keeps the network with its history."""

import json
import os
import pathlib
import time

import keras
import numpy as np

from benchmarks.field_zoo.images import PREPARATIONS, Sources, augment
from benchmarks.field_zoo.networks import build_network
from benchmarks.field_zoo.setup import SetUp

OPTIMIZERS = {
    "Adam": keras.optimizers.Adam,
    "AdamW": lambda rate: keras.optimizers.AdamW(rate, weight_decay=0.01, clipnorm=1.0),
    "RMSprop": keras.optimizers.RMSprop,
    "SGD": keras.optimizers.SGD,
    "Momentum": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
}


class Batches(keras.utils.PyDataset):
    """Batches of prepared images, shuffled and augmented again in every epoch.

    Args:
        x: Images of (samples, height, width, channels), uint8.
        y: Labels as the loss takes them.
        size: Batch size.
        preparation: One of `PREPARATIONS`.
        augmented: Whether to flip and shift.
        ordered: Whether to keep the order.
        seed: Decides order and augmentation.
    """

    def __init__(
        self, x, y, size, preparation, *, augmented=False, ordered=False, seed=0
    ):
        super().__init__()
        self.x, self.y, self.size, self.preparation = x, y, size, preparation
        self.augmented, self.ordered, self.seed = augmented, ordered, seed
        self.epoch = 0
        self._order()

    def _order(self):
        self.order = np.arange(len(self.x))
        if not self.ordered:
            generator = np.random.default_rng((self.seed, self.epoch))
            self.order = generator.permutation(self.order)

    def __len__(self):
        return -(-len(self.x) // self.size)

    def __getitem__(self, index):
        numbers = self.order[index * self.size : (index + 1) * self.size]
        x = self.x[numbers]
        if self.augmented:
            x = augment(x, np.random.default_rng((self.seed, self.epoch, index)))
        return PREPARATIONS[self.preparation](x), self.y[numbers]

    def on_epoch_end(self):
        """Draw the order of the next epoch."""
        self.epoch += 1
        self._order()


class Trained:
    """A trained network with the data that belong to it.

    Args:
        setup: What was trained.
        seed: Decides images, flips, weights and order.
        sources: Where the images lie.
    """

    def __init__(self, setup: SetUp, seed: int, sources: Sources) -> None:
        self.setup, self.seed = setup, seed
        self.x, self.clean = sources.load(setup.source, "train", setup.train, seed)
        self.validation_x, self.held_clean = sources.load(
            setup.source, "validation", setup.validation, seed
        )
        if setup.ordered:
            order = np.argsort(self.clean, kind="stable")
            self.x, self.clean = self.x[order], self.clean[order]
        self.classes = int(self.clean.max()) + 1
        self.y, self.flipped = self._flip(self.clean, setup.flips, 0)
        self.validation_y, _ = self._flip(self.held_clean, setup.flips_of_validation, 1)
        self.model: keras.Model | None = None
        self.history: dict[str, list[float]] = {}
        self.cpu_seconds = float("nan")

    def _flip(self, labels, fraction, part):
        generator = np.random.default_rng((self.seed, part, 7))
        count = round(fraction * len(labels))
        numbers = np.sort(generator.permutation(len(labels))[:count])
        flipped = labels.copy()
        flipped[numbers] += generator.integers(1, self.classes, count)
        return flipped % self.classes, numbers

    def _labels(self, labels):
        if self.setup.smoothing and self.setup.head != "sigmoid":
            return np.eye(self.classes, dtype="float32")[labels]
        return labels.astype("float32" if self.setup.head == "sigmoid" else "int64")

    def training(self, preparation: str | None = None) -> Batches:
        """Return the training batches, by default as `fit` saw them."""
        setup = self.setup
        return Batches(
            self.x,
            self._labels(self.y),
            setup.batch,
            preparation or setup.prepared,
            augmented=setup.augmented,
            ordered=setup.ordered,
            seed=self.seed,
        )

    def positions_flipped(self, looked_at: np.ndarray) -> set[int]:
        """Return which of these positions in the epoch have exchanged labels."""
        order = self.training().order[looked_at]
        return set(looked_at[np.isin(order, self.flipped)].tolist())

    def validation(self, preparation: str | None = None) -> Batches:
        """Return the validation batches, by default prepared as for training."""
        return Batches(
            self.validation_x,
            self._labels(self.validation_y),
            self.setup.batch,
            preparation or self.setup.prepared,
            ordered=True,
        )

    def given(self) -> tuple[Batches, Batches]:
        """Return training and validation batches as the doctor is given them."""
        setup = self.setup
        return self.training(setup.given), self.validation(setup.validated)

    def load_or_train(self, folder: pathlib.Path) -> bool:
        """Read the network from `folder`, or train it and write it there.

        Returns:
            Whether it was trained now.
        """
        stem = folder / f"{self.setup.training_recipe}-{self.seed}"
        weights, history = stem.with_suffix(".keras"), stem.with_suffix(".json")
        if history.exists():
            self.model = keras.saving.load_model(weights)
            kept = json.loads(history.read_text())
            self.history, self.cpu_seconds = kept["history"], kept["cpu_seconds"]
            return False
        start = time.process_time()
        keras.utils.set_random_seed(self.seed)
        setup = self.setup
        self.model = model = build_network(
            setup.network,
            self.x.shape[1:],
            setup.momentum,
            setup.head,
            self.classes,
            setup.inside,
        )
        rate = setup.rate
        if setup.cooled:
            steps = setup.epochs * len(self.training())
            rate = keras.optimizers.schedules.CosineDecay(rate, steps)
        optimizer = OPTIMIZERS[setup.optimizer](rate)
        model.compile(optimizer, self._loss(), metrics=["accuracy"])
        self.history = model.fit(
            self.training(),
            validation_data=self.validation(setup.fitted_with),
            epochs=setup.epochs,
            verbose=0,
        ).history
        self.cpu_seconds = round(time.process_time() - start, 1)
        model.save(weights)
        # Written last and whole: where it is, the training is finished.
        scratch = history.with_suffix(".part")
        scratch.write_text(
            json.dumps({"history": self.history, "cpu_seconds": self.cpu_seconds})
        )
        os.replace(scratch, history)
        return True

    def _loss(self):
        setup, losses = self.setup, keras.losses
        if setup.head == "sigmoid":
            return losses.BinaryCrossentropy(label_smoothing=setup.smoothing)
        logits = setup.head == "logits"
        if setup.smoothing:
            return losses.CategoricalCrossentropy(
                from_logits=logits, label_smoothing=setup.smoothing
            )
        return losses.SparseCategoricalCrossentropy(from_logits=logits)
