"""Short trainings at several rates: what they start from and what they say."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor.probes import learning_rate
from kerasnorm.doctor.probes.learning_rate import COOLED, try_learning_rates
from kerasnorm.doctor.probes.short_training import ShortTraining
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.doctor.networks import rings

pytestmark = pytest.mark.backends
L = keras.layers


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    """The number of steps does not depend on the speed of this machine."""
    monkeypatch.setattr(learning_rate, "MOST_STEPS", 60)


def network(optimizer):
    layers = [L.Dense(32, activation="relu"), L.BatchNormalization(), L.Dense(32)]
    model = keras.Sequential(
        [keras.Input((4,)), *layers, L.ReLU(), L.Dense(1, activation="sigmoid")]
    )
    model.compile(optimizer, "binary_crossentropy", jit_compile=False)
    return model


def samples(count=1024):
    return sample_batches(rings(samples=count), count, seconds=60)


def test_every_draw_starts_from_other_weights_with_batches_in_another_order():
    train = samples(128)
    training = ShortTraining(network("adam"), keras.optimizers.Adam(0.01), train)
    kernels, orders = [], []
    for seed in range(3):
        training.run(1)
        training.draw(seed)
        kernels.append([weight for weight in training.start if weight.ndim == 2])
        orders.append(np.concatenate(training.batches))
        for slot in training.optimizer.variables:
            assert (
                "learning_rate" in slot.path
                or not keras.ops.convert_to_numpy(slot).any()
            )
    for one, other in ((0, 1), (0, 2), (1, 2)):
        for first, second in zip(kernels[one], kernels[other], strict=True):
            assert not np.allclose(first, second)
        assert (orders[one] != orders[other]).any()


@pytest.mark.thorough
def test_rates_fall_to_zero_at_the_end_and_seven_trainings_are_made(monkeypatch):
    rates = []
    run = ShortTraining.run

    def watched(training, steps, *, first=0):
        rate = keras.ops.convert_to_numpy(training.optimizer.learning_rate)
        rates.append((first, float(rate)))
        run(training, steps, first=first)

    monkeypatch.setattr(ShortTraining, "run", watched)
    trial = try_learning_rates(
        network(keras.optimizers.Adam(0.5)), samples(), False, 60
    )
    # Two more steps measure how long one takes.
    assert trial is not None and len(rates) == 2 + 7 * trial.steps
    last = [rate for step, rate in rates[2:] if step == trial.steps - 1]
    full = [rate for step, rate in rates[2:] if step == 0]
    assert full == pytest.approx(
        [0.05, 0.005, 0.5] + [0.5 * trial.fraction] * 2 + [0.5] * 2
    )
    np.testing.assert_allclose(last, np.array(full) / (COOLED * trial.steps), rtol=1e-5)
    steady = [rate for step, rate in rates[2:] if step == int(0.6 * trial.steps)]
    assert steady == pytest.approx(full)


@pytest.mark.thorough
def test_larger_rates_are_tried_where_none_learns_and_those_that_learn_are_named():
    model = network(keras.optimizers.Adam(1e-6))
    trial = try_learning_rates(model, samples(), False, 120)
    assert set(trial.skill_by_factor) == {0.01, 0.1, 1.0, 10.0, 100.0}
    assert not trial.losses and not trial.is_too_high
    assert all(factor > 1 for factor in trial.learning_factors)


def test_of_a_schedule_the_first_rate_is_tried():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.25, 1, 0.1)
    model = network(keras.optimizers.SGD(schedule))
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(50)
    trial = try_learning_rates(model, samples(256), False, 120)
    assert trial is not None and trial.learning_rate == 0.25
