"""Trains a new copy of a model for a moment; the model itself is not touched."""

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.samples import Samples
from kerasnorm.doctor.statistics import batch_norms, evaluate, run_on_batch_statistics


class CannotCloneError(ValueError):
    """Keras cannot make a new model from the configuration of this one."""


def clone(model: keras.Model) -> keras.Model:
    """Return a copy with new weights.

    Args:
        model: A functional or sequential model.

    Raises:
        CannotCloneError: If Keras cannot clone it, as with most subclassed models.
    """
    try:
        return keras.models.clone_model(model)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise CannotCloneError(
            "expected a functional or sequential model, which can be copied, received "
            f"{type(model).__name__}: {error}"
        ) from error


class ShortTraining:
    """A copy with new weights that can be trained again and again from its start.

    Args:
        model: A functional or sequential model.
        optimizer: A new optimizer with a constant learning rate.
        train: Samples to train on.

    Raises:
        CannotCloneError: If Keras cannot clone the model.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: Any,
        train: Samples,
    ) -> None:
        self.model, self.copy = model, clone(model)
        self.optimizer, self.train = optimizer, train
        # XLA would compile longer than so short a training lasts.
        self.copy.compile(optimizer=optimizer, loss=model.loss, jit_compile=False)
        self.rate = float(ops.convert_to_numpy(optimizer.learning_rate))
        self.start = self.copy.get_weights()
        self.batches = train.shuffled(train.batch_size, seed=1)
        self._step(0)
        begin = time.perf_counter()
        self._step(0)
        #: Seconds that one step takes, compiling left out.
        self.seconds_per_step = time.perf_counter() - begin
        self.restart()

    def draw(self, seed: int) -> None:
        """Start from other new weights, with batches in another order.

        Args:
            seed: Decides the order of the batches.
        """
        self.start = clone(self.model).get_weights()
        self.batches = self.train.shuffled(self.train.batch_size, seed=seed)
        self.restart()

    def restart(self) -> None:
        """Return to the first weights, with empty optimizer slots."""
        for variable in self.optimizer.variables:
            variable.assign(ops.zeros(variable.shape, variable.dtype))
        self.optimizer.learning_rate = self.rate
        self.copy.set_weights(self.start)

    def run(self, steps: int, *, first: int = 0) -> None:
        """Take that many steps.

        Args:
            steps: Number of steps.
            first: Number of the first, which says which batch is next.
        """
        for step in range(steps):
            self._step(first + step)

    def _step(self, step: int) -> None:
        x, y, weights = self.train.take(self.batches[step % len(self.batches)])
        self.copy.train_on_batch(x, y, weights)

    def outputs(self, samples: Samples) -> Any:
        """Return outputs under the statistics of shuffled batches of 64.

        The moving statistics of so short a training say nothing.
        """
        if not batch_norms(self.copy):
            return evaluate(self.copy, samples)
        batches: Sequence[np.ndarray] = samples.shuffled(64)
        return run_on_batch_statistics(self.copy, samples, batches)[0]
