"""Other statistics for a while: the model's own are there again afterwards."""

import numpy as np
import pytest

from kerasnorm.doctor.forward.statistics import batch_norms, read_statistics
from kerasnorm.doctor.forward.temporary_statistics import (
    losses_on_statistics_of,
    temporary_statistics,
)
from kerasnorm.doctor.losses.model_losses import resolve_loss
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from kerasnorm.surgery import recalibrate_batch_norm
from tests.doctor.networks import batches, data, set_statistics, sharp_network

pytestmark = pytest.mark.backends


@pytest.fixture
def case():
    train = data()
    model = sharp_network(train[0])
    set_statistics(model.get_layer("norm"), [1.0, 0.0], [4.0, 1.0])
    return model, sample_batches(batches(*train))


def assert_own(model):
    ((mean, variance),) = read_statistics(batch_norms(model)).values()
    np.testing.assert_array_equal(mean, [1.0, 0.0])
    np.testing.assert_array_equal(variance, [4.0, 1.0])


@pytest.mark.parametrize("fails", [False, True])
def test_the_statistics_of_the_model_come_back(case, fails):
    model, _ = case
    others = {
        path: (mean + 1, variance + 1)
        for path, (mean, variance) in read_statistics(batch_norms(model)).items()
    }
    try:
        with temporary_statistics(model, others):
            ((mean, _),) = read_statistics(batch_norms(model)).values()
            np.testing.assert_array_equal(mean, [2.0, 1.0])
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    assert_own(model)


def test_losses_are_those_of_a_recalibrated_model(case):
    model, train = case
    loss = resolve_loss(model, train)
    numbers = train.batches()
    found = losses_on_statistics_of(model, train, numbers, train, loss)
    assert_own(model)
    recalibrate_batch_norm(model, [train.take(batch)[0] for batch in numbers])
    expected = model.evaluate(train.x, train.y, verbose=0)
    expected = expected[0] if isinstance(expected, list) else expected
    assert found.mean() == pytest.approx(expected, rel=1e-4)
