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
        varied: Whether to shift and mirror pictures anew in every step, so that few
            of them teach more.

    Raises:
        CannotCloneError: If Keras cannot clone the model.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: Any,
        train: Samples,
        *,
        varied: bool = False,
    ) -> None:
        self.model, self.copy = model, clone(model)
        self.generator = np.random.default_rng(3) if varied else None
        self.optimizer, self.train = optimizer, train
        # XLA would compile longer than so short a training lasts.
        self.copy.compile(optimizer=optimizer, loss=model.loss, jit_compile=False)
        self.rate = float(ops.convert_to_numpy(optimizer.learning_rate))
        self.batches = train.shuffled(train.batch_size, seed=1)
        self.start = self.copy.get_weights()
        self._step(0)
        begin = time.perf_counter()
        self._step(0)
        #: Seconds that one step takes, compiling left out.
        self.seconds_per_step = time.perf_counter() - begin
        self.restart()

    def restart(self, new_weights: int = 0) -> None:
        """Return to new weights, with empty optimizer slots.

        Args:
            new_weights: 0 for those of the beginning; any other number draws others,
                and other batches with them.
        """
        for variable in self.optimizer.variables:
            variable.assign(ops.zeros(variable.shape, variable.dtype))
        self.optimizer.learning_rate = self.rate
        weights = clone(self.model).get_weights() if new_weights else self.start
        self.copy.set_weights(weights)
        self.batches = self.train.shuffled(self.train.batch_size, 1 + new_weights)

    def run(self, steps: int, *, first: int = 0, falling: bool = False) -> None:
        """Take that many steps.

        Args:
            steps: Number of steps.
            first: Number of the first, which says which batch is next.
            falling: Whether the learning rate falls to 0 on the way, which averages
                the noise of single labels out.
        """
        rate = float(ops.convert_to_numpy(self.optimizer.learning_rate))
        for step in range(steps):
            if falling:
                self.optimizer.learning_rate = rate * (1 - step / steps)
            self._step(first + step)

    def _step(self, step: int) -> None:
        x, y, weights = self.train.take(self.batches[step % len(self.batches)])
        if self.generator is not None:
            x = shifted_and_mirrored(x, self.generator)
        self.copy.train_on_batch(x, y, weights)

    def outputs(self, samples: Samples) -> Any:
        """Return outputs under the statistics of shuffled batches of 64.

        The moving statistics of so short a training say nothing.
        """
        if not batch_norms(self.copy):
            return evaluate(self.copy, samples)
        batches: Sequence[np.ndarray] = samples.shuffled(64)
        return run_on_batch_statistics(self.copy, samples, batches)[0]


def shifted_and_mirrored(x: Any, generator: np.random.Generator) -> Any:
    """Move each picture by up to a tenth and mirror half of them left to right.

    Args:
        x: Inputs; what is not pictures of 1, 3 or 4 channels comes back as it is.
        generator: Draws shifts and mirrors.
    """
    if not isinstance(x, np.ndarray) or x.ndim != 4:
        return x
    channels = (1, 3, 4)
    if x.shape[-1] not in channels and x.shape[1] not in channels:
        return x
    rows, columns = (0, 1) if x.shape[-1] in channels else (1, 2)
    out = np.empty_like(x)
    for i, picture in enumerate(x):
        for axis in (rows, columns):
            most = picture.shape[axis] // 10
            by = int(generator.integers(-most, most + 1))
            places = np.arange(picture.shape[axis]) + by
            places = np.clip(places, 0, picture.shape[axis] - 1)
            picture = np.take(picture, places, axis=axis)
        out[i] = np.flip(picture, columns) if generator.random() < 0.5 else picture
    return out
