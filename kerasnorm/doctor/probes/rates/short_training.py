"""Trains a new copy of a model for a moment; the model itself is not touched."""

import time
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.forward.copies import copy_model, train_on, trainable_arrays
from kerasnorm.doctor.forward.statistics import (
    batch_norms,
    evaluate,
    run_on_batch_statistics,
)
from kerasnorm.doctor.losses.evaluation_batches import shuffled
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.layer_tree import iter_layers
from kerasnorm.inspection.training_step import batches_as_in_fit

# Steps over which the time of one is measured.
TIMED = 3


class ShortTraining:
    """A copy with new weights that can be trained again and again from its start.

    Args:
        model: A compiled model.
        optimizer: A new optimizer with a constant learning rate.
        train: Samples to train on.

    Raises:
        CannotCloneError: If the model cannot be copied.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: Any,
        train: Samples,
    ) -> None:
        self.copy = copy_model(model, train, optimizer, weights=False)
        # The copy is never handed out: it can keep its step for single batches.
        batches_as_in_fit(self.copy, train.bare).__enter__()
        self.optimizer, self.train = optimizer, train
        self.rate = float(ops.convert_to_numpy(optimizer.learning_rate))
        self.start = self.copy.get_weights()
        self.batches = train.shuffled(train.batch_size, seed=1)
        self.run([self.rate])
        begin = time.perf_counter()
        self.run([self.rate] * TIMED)
        #: Seconds that one step takes, compiling left out.
        self.seconds_per_step = (time.perf_counter() - begin) / TIMED
        self.restart()

    def draw(self, seed: int) -> None:
        """Start from other new weights, with batches in another order.

        Args:
            seed: Decides the weights and the order of the batches.
        """
        self.copy.set_weights(self.start)
        _initialize(self.copy, np.random.default_rng(seed))
        self.start = self.copy.get_weights()
        self.batches = self.train.shuffled(self.train.batch_size, seed=seed)
        self.restart()

    def restart(self) -> None:
        """Return to the first weights, with empty optimizer slots."""
        for variable in self.optimizer.variables:
            variable.assign(ops.zeros(variable.shape, variable.dtype))
        self.optimizer.learning_rate = self.rate
        self.copy.set_weights(self.start)
        self.trainable = trainable_arrays(self.copy)

    def change_of_weights(self) -> float:
        """Return how far trainable weights are from the first ones.

        Relative to their norm; infinite where they are no numbers.
        """
        moved = size = 0.0
        for now, first in zip(trainable_arrays(self.copy), self.trainable, strict=True):
            moved += float(((now - first).astype("float64") ** 2).sum())
            size += float((first.astype("float64") ** 2).sum())
        change = (moved / max(size, 1e-30)) ** 0.5
        return change if np.isfinite(change) else float("inf")

    def run(self, rates: Iterable[float], first: int = 0) -> float | None:
        """Take a step at each of these learning rates.

        Args:
            rates: Learning rates.
            first: Number of the first step, which says which batch is next.

        Returns:
            Their mean loss, None where a step of the user's own tells none.
        """
        self.copy.reset_metrics()
        loss = None
        for step, rate in enumerate(rates, first):
            self.optimizer.learning_rate = float(rate)
            batch = self.batches[step % len(self.batches)]
            # Keras averages over the steps since the metrics were reset.
            loss = train_on(self.copy, self.train, [batch]).get("loss")
        return None if loss is None or np.ndim(loss) else float(loss)

    def outputs(self, samples: Samples) -> Any:
        """Return outputs under the statistics of shuffled batches of 64.

        The moving statistics of so short a training say nothing.
        """
        if not batch_norms(self.copy):
            return evaluate(self.copy, samples)
        batches = shuffled(self.copy, samples)
        return run_on_batch_statistics(self.copy, samples, batches)[0]


def _initialize(model: keras.Model, generator: np.random.Generator) -> None:
    """Draw the weights whose initializers are random again.

    Initializers keep their seed in their configuration: a copied network starts from
    the same weights every time.
    """
    for _, layer in iter_layers(model):
        for name, initializer in list(vars(layer).items()):
            if not isinstance(initializer, keras.initializers.Initializer):
                continue
            config = initializer.get_config()
            weight = name.removesuffix("_initializer")
            variable = getattr(layer, weight, None)
            if variable is None:
                variable = getattr(layer, f"{weight}_kernel", None)
            if "seed" not in config or not isinstance(variable, keras.Variable):
                continue
            config["seed"] = int(generator.integers(2**31))
            drawn = type(initializer).from_config(config)
            variable.assign(drawn(variable.shape, variable.dtype))
