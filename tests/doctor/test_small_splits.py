"""A handful of samples: intervals as wide as so few allow, and nothing invented."""

import numpy as np
import pytest

from kerasnorm.doctor import examine
from kerasnorm.doctor.loss_matrix.bootstrap import lower_limit, widening
from kerasnorm.doctor.loss_matrix.budget import PairedDraws
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.doctor.networks import batches, data, sharp_network


def interval_of(differences):
    samples = sample_batches([np.zeros((len(differences), 1), "float32")])
    matrix = LossMatrix({"D": differences, "D'": np.zeros_like(differences)})
    return PairedDraws(matrix, samples, samples).difference("D", "D'")[1:]


@pytest.mark.parametrize("count", [3, 5, 8, 40])
def test_intervals_hold_the_truth_as_often_as_they_say(count):
    generator = np.random.default_rng(count)
    validation = [
        low <= 0.3 <= high
        for low, high in (
            interval_of(generator.normal(0.3, 1.0, count)) for _ in range(300)
        )
    ]
    assert 0.9 < np.mean(validation) < 0.99


def test_one_sample_proves_nothing():
    assert interval_of(np.ones(1)) == (-np.inf, np.inf)
    assert lower_limit(np.ones(1)) == -np.inf


def test_sixteen_values_and_more_are_as_they_were():
    assert [widening(n) for n in (16, 100)] == [1.0, 1.0] and widening(5) > 1.4


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_validation_samples_raise_no_alarm(count):
    train, (x, y) = data(), data(seed=1)
    found = examine(sharp_network(train[0]), batches(*train), (x[:count], y[:count]))
    assert found.verdict == "healthy"
    assert found.to_json() and found.to_html() and found.to_text()


@pytest.mark.thorough
def test_an_outlier_among_five_is_no_cause():
    train, (x, y) = data(), data(seed=1)
    y = y.copy()
    y[2] = 1 - y[2]
    found = examine(sharp_network(train[0]), batches(*train), (x[:5], y[:5]))
    assert found.losses["D"] > 3 * found.losses["B"] and found.verdict == "healthy"
