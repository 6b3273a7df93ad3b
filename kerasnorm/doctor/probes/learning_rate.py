"""Measures whether a tenth of the learning rate learns where the full one fails."""

import time
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.loss_matrix import loss_of
from kerasnorm.doctor.losses import LossOfSamples
from kerasnorm.doctor.probes.optimizer import optimizers_of
from kerasnorm.doctor.samples import Samples
from kerasnorm.doctor.statistics import batch_norms, evaluate, run_on_batch_statistics


@dataclass(frozen=True)
class RateTrial:
    """Two short trainings from the same new weights.

    Args:
        learning_rate: The model's learning rate.
        steps: Steps of each training.
        start: Loss of the new weights.
        loss: Loss after training at that rate; NaN if it diverged.
        loss_at_tenth: Loss after training at a tenth of it.
        gain: Mean of `loss - loss_at_tenth`.
        low: Lower 95% limit of that gain.
    """

    learning_rate: float
    steps: int
    start: float
    loss: float
    loss_at_tenth: float
    gain: float
    low: float


def try_learning_rates(
    model: keras.Model, train: Samples, loss: LossOfSamples, seconds: float
) -> RateTrial | None:
    """Train a new copy of the model at its learning rate and at a tenth of it.

    Both start from the same new weights with empty optimizer slots: a training that
    goes on would carry slots that fit one rate only.

    Args:
        model: A compiled functional or sequential model with a constant rate.
        train: Training samples.
        loss: The loss of each sample.
        seconds: Time for both trainings together.

    Returns:
        The comparison, None where the model cannot be copied.
    """
    chain = optimizers_of(model)
    if not chain or not hasattr(chain[-1], "learning_rate"):
        return None
    rate = float(ops.convert_to_numpy(chain[-1].learning_rate))
    try:
        copy = keras.models.clone_model(model)
        optimizer = type(chain[-1]).from_config(chain[-1].get_config())
        optimizer.learning_rate = rate
    except (ValueError, TypeError, NotImplementedError):
        return None
    copy.compile(optimizer=optimizer, loss=model.loss)
    batches = train.shuffled(train.batch_size, seed=1)
    x, y, weights = train.take(batches[0])
    new_weights = copy.get_weights()
    begin = time.perf_counter()
    copy.train_on_batch(x, y, weights)
    middle = time.perf_counter()
    copy.train_on_batch(x, y, weights)
    each = time.perf_counter() - middle
    left = seconds - (time.perf_counter() - begin)
    steps = int(min(MOST_STEPS, 0.5 * left / max(each, 1e-6)))
    if steps < FEWEST_STEPS:
        return None
    start = _measure(copy, new_weights, train, loss)
    ends = []
    for factor in (1.0, 0.1):
        for variable in optimizer.variables:
            variable.assign(ops.zeros_like(variable))
        optimizer.learning_rate = rate * factor
        copy.set_weights(new_weights)
        for step in range(steps):
            x, y, weights = train.take(batches[step % len(batches)])
            copy.train_on_batch(x, y, weights)
        ends.append(_measure(copy, None, train, loss))
    gain = np.nan_to_num(ends[0], nan=1e3, posinf=1e3) - ends[1]
    return RateTrial(
        rate,
        steps,
        float(start.mean()),
        float(ends[0].mean()),
        float(ends[1].mean()),
        float(gain.mean()),
        float(gain.mean() - 1.96 * gain.std() / np.sqrt(len(gain))),
    )


# Sixty steps show whether a rate learns at all; below twenty nothing does.
MOST_STEPS, FEWEST_STEPS = 80, 20
MEASURED_SAMPLES = 256


def _measure(copy, weights, train: Samples, loss: LossOfSamples) -> np.ndarray:
    if weights is not None:
        copy.set_weights(weights)
    few = train.head(MEASURED_SAMPLES)
    if not batch_norms(copy):
        return loss_of(loss, few, evaluate(copy, few))
    # The moving statistics of so short a training say nothing.
    outputs, _ = run_on_batch_statistics(copy, few, few.shuffled(train.batch_size))
    return loss_of(loss, few, outputs)
