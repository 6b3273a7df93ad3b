"""Measures whether a fraction of the learning rate learns where the full one fails."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.loss_matrix import loss_of
from kerasnorm.doctor.losses import LossOfSamples
from kerasnorm.doctor.probes.optimizer import optimizers_of
from kerasnorm.doctor.probes.short_training import CannotCloneError, ShortTraining
from kerasnorm.doctor.samples import Samples

# Below twenty steps nothing learns. Most rates that learn at all show it within eighty,
# some networks need hundreds.
FEWEST_STEPS, STEPS_AT_ONCE, MOST_STEPS = 20, 80, 400
# Share of the loss of new weights below which a training has learned.
LEARNED = 0.6
MEASURED_SAMPLES = 256
FRACTIONS = (0.1, 0.01)


@dataclass(frozen=True)
class RateTrial:
    """Short trainings from the same new weights.

    Args:
        learning_rate: The model's learning rate.
        fraction: The fraction of it that learned best.
        steps: Steps of each training.
        start: Loss of the new weights.
        loss: Loss after training at the full rate; NaN if it diverged.
        slower_loss: Loss after training at that fraction.
        gain: Mean of `loss - slower_loss`.
        low: Lower 95% limit of that gain.
    """

    learning_rate: float
    fraction: float
    steps: int
    start: float
    loss: float
    slower_loss: float
    gain: float
    low: float


def try_learning_rates(
    model: keras.Model, train: Samples, loss: LossOfSamples, seconds: float
) -> RateTrial | None:
    """Train a new copy at the model's learning rate, a tenth and a hundredth of it.

    All start from the same new weights with empty optimizer slots: a training that
    goes on would carry slots that fit one rate only.

    Args:
        model: A compiled functional or sequential model.
        train: Training samples.
        loss: The loss of each sample.
        seconds: Time for all trainings together.

    Returns:
        The comparison, None where the model cannot be copied, was compiled without a
        loss, or time is short.
    """
    chain = optimizers_of(model)
    if not chain or not hasattr(chain[-1], "learning_rate"):
        return None
    if getattr(model, "loss", None) is None:
        return None
    config = chain[-1].get_config()
    rate = config.get("learning_rate")
    if not isinstance(rate, (int, float)):
        # A schedule has come down since it did its harm: take its first value.
        current: Any = getattr(chain[-1], "_learning_rate", None)
        if isinstance(current, keras.optimizers.schedules.LearningRateSchedule):
            current = current(0)
        rate = float(ops.convert_to_numpy(current))
    config["learning_rate"] = float(rate)
    try:
        training = ShortTraining(model, type(chain[-1]).from_config(config), train)
    except CannotCloneError:
        return None
    each = training.seconds_per_step * (1 + len(FRACTIONS))
    most = int(min(MOST_STEPS, 0.7 * seconds / max(each, 1e-6)))
    if most < FEWEST_STEPS:
        return None
    few = train.head(MEASURED_SAMPLES)
    start = loss_of(loss, few, training.outputs(few))

    def train_at(fraction: float, most: int, enough: float) -> tuple[int, np.ndarray]:
        training.restart()
        training.optimizer.learning_rate = rate * fraction
        steps, end = 0, start
        while steps < most and not end.mean() < enough:
            training.run(min(STEPS_AT_ONCE, most - steps), first=steps)
            steps = min(steps + STEPS_AT_ONCE, most)
            end = loss_of(loss, few, training.outputs(few))
        return steps, end

    slower = {f: train_at(f, most, LEARNED * start.mean()) for f in FRACTIONS}
    best = min(FRACTIONS, key=lambda f: np.nan_to_num(slower[f][1].mean(), nan=np.inf))
    steps, slower_end = slower[best]
    _, end = train_at(1.0, steps, -np.inf)
    gain = np.nan_to_num(end, nan=1e3, posinf=1e3) - slower_end
    return RateTrial(
        float(rate),
        best,
        steps,
        float(start.mean()),
        float(end.mean()),
        float(slower_end.mean()),
        float(gain.mean()),
        float(gain.mean() - 1.96 * gain.std() / np.sqrt(len(gain))),
    )
