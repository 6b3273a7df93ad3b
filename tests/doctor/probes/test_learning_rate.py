"""Short trainings at several rates: what they start from and what they say."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor.probes.rates import learning_rate
from kerasnorm.doctor.probes.rates.learning_rate import MOVED, try_learning_rates
from kerasnorm.doctor.probes.rates.rate_runs import COOLED, SHORT, Outcome, RateRuns
from kerasnorm.doctor.probes.rates.short_training import ShortTraining
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
        training.run([0.01])
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
def test_rates_fall_to_zero_at_the_end(monkeypatch):
    runs = []
    run = ShortTraining.run

    def watched(training, rates, first=0):
        if not first:
            runs.append([])
        runs[-1] += list(rates)
        return run(training, rates, first)

    monkeypatch.setattr(ShortTraining, "run", watched)
    try_learning_rates(network(keras.optimizers.Adam(0.5)), samples(), False, 600)
    # Two calls measure how long a step takes.
    full = runs[2]
    assert len(full) == SHORT and full[0] == full[int(0.6 * SHORT)] == 0.5
    assert full[-1] == pytest.approx(0.5 / (COOLED * SHORT), rel=1e-5)


class Stopwatch:
    """Stands for a copy that can start anew: a step takes so many seconds."""

    seconds_per_step = 0.01


def trial_of(monkeypatch, learns, moves_from, taken, seconds=60.0):
    """Return the trial of a network that learns at some multiples of its rate.

    Args:
        monkeypatch: The fixture.
        learns: Steps from which each multiple teaches something.
        moves_from: Smallest multiple that moves the weights.
        taken: Steps that the model was trained for.
        seconds: Time there is.

    Returns:
        The trial, and factor and steps of every training.
    """
    made = []

    def run(trainings, factor, steps, seed=0):
        made.append((factor, steps))
        knows = steps >= learns.get(factor, np.inf)
        moved = MOVED * factor / moves_from
        return Outcome(0.2 if knows else 0.69, 0.7 if knows else 0.0, moved)

    monkeypatch.setattr(RateRuns, "run", run)
    monkeypatch.setattr(learning_rate, "MOST_STEPS", 400)
    monkeypatch.setattr(learning_rate, "ShortTraining", lambda *_: Stopwatch())
    model = network(keras.optimizers.Adam(0.5))
    return try_learning_rates(model, samples(128), False, seconds, taken), made


SLOW = [(0.1, 60), (0.01, 60)]


@pytest.mark.parametrize(
    ("learns", "moves_from", "taken", "runs", "steps", "too_high", "factors"),
    [
        # What learns at once needs nothing else.
        ({1.0: 60}, 1, 600, [(1.0, 60)], 60, False, [1.0]),
        # Three new weights, and as long as the model was trained at the full rate.
        (
            {0.1: 60, 0.01: 400},
            0.01,
            600,
            [(1.0, 60), (0.1, 60), *[(0.1, 60), (1.0, 60)] * 2, (1.0, 400)],
            60,
            True,
            [0.1],
        ),
        # It only takes longer than a tenth of it.
        (
            {0.1: 60, 1.0: 400},
            0.01,
            600,
            [(1.0, 60), (0.1, 60), *[(0.1, 60), (1.0, 60)] * 2, (1.0, 400)],
            400,
            False,
            [0.1, 1.0],
        ),
        # A rate that moves nothing: slower ones are not tried.
        (
            {1e4: 60},
            1e3,
            600,
            [(1.0, 60), (1e1, 60), (1e2, 60), (1e3, 60), (1e4, 60)],
            60,
            False,
            [1e4],
        ),
        # Nothing learns, in no more than twice the steps that the model took.
        (
            {},
            0.1,
            100,
            [(1.0, 60), *SLOW, (1e1, 60), (1.0, 200), (0.1, 200), (1e1, 200)],
            200,
            False,
            [],
        ),
        ({}, 0.1, 20, [(1.0, 60), *SLOW, (1e1, 60)], 60, False, []),
        # What learns in more steps only.
        (
            {1.0: 300},
            0.1,
            None,
            [(1.0, 60), *SLOW, (1e1, 60), (1.0, 400)],
            400,
            False,
            [1.0],
        ),
    ],
)
def test_a_trial_takes_as_many_trainings_as_decide(
    monkeypatch, learns, moves_from, taken, runs, steps, too_high, factors
):
    trial, made = trial_of(monkeypatch, learns, moves_from, taken)
    assert made == runs and trial.steps == steps
    assert trial.is_too_high is too_high and trial.learning_factors == factors


@pytest.mark.parametrize(
    ("seconds", "longest", "is_told"),
    [(0.7, 0, False), (1.0, 25, False), (3.0, 75, True), (9.0, 225, True)],
)
def test_a_trial_takes_no_longer_than_there_is_time(
    monkeypatch, seconds, longest, is_told
):
    trial, made = trial_of(monkeypatch, {}, 0.1, None, seconds)
    assert max((steps for _, steps in made), default=0) == pytest.approx(
        longest, abs=longest / 4
    )
    assert (trial is not None) is is_told


INF = float("inf")


@pytest.mark.parametrize(
    ("losses", "fraction"),
    [
        # Nothing learns: the loss alone tells, beside the fraction with the lowest.
        ({1.0: (30, 30, 30)}, 0.1),
        ({1.0: (INF, 30, INF), 0.1: (8, 8, 8)}, 0.01),
        ({1.0: (INF,) * 3, 0.1: (INF,) * 3, 0.01: (INF,) * 3}, 1e-3),
        ({1.0: (40,) * 3, 0.1: (20,) * 3, 0.01: (5,) * 3}, 1e-3),
        # Few times as much, not from all new weights, as much at any rate, not told.
        ({1.0: (5, 5, 5)}, None),
        ({1.0: (30, 30, 5)}, None),
        ({1.0: (30, 30, 30), 0.1: (0.7, 4, 0.7)}, None),
        (dict.fromkeys((1.0, 0.1, 0.01, 1e-3, 1e-4), (INF,) * 3), None),
        ({1.0: (float("nan"),) * 3}, None),
    ],
)
def test_a_loss_that_explodes_tells_where_nothing_learns(monkeypatch, losses, fraction):
    def run(runs, factor, steps, seed=0):
        return Outcome(0.69, 0.0, 1.0, losses.get(factor, (0.7,) * 3)[seed])

    monkeypatch.setattr(RateRuns, "run", run)
    monkeypatch.setattr(learning_rate, "ShortTraining", lambda *_: Stopwatch())
    trial = try_learning_rates(network("adam"), samples(128), False, 60)
    assert trial.is_too_high is (fraction is not None)
    assert fraction in (None, trial.fraction)


def test_of_a_schedule_the_first_rate_is_tried():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.25, 1, 0.1)
    model = network(keras.optimizers.SGD(schedule))
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(50)
    trial = try_learning_rates(model, samples(256), False, 120)
    assert trial is not None and trial.learning_rate == 0.25
