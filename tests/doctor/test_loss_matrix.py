import keras
import numpy as np
import pytest

from kerasnorm.doctor.forward.state import restored_after
from kerasnorm.doctor.loss_matrix.matrix import measure_losses
from kerasnorm.doctor.losses.model_losses import resolve_loss
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.doctor.networks import (
    batches,
    data,
    moments_of,
    set_statistics,
    sharp_network,
)

pytestmark = pytest.mark.backends


def matrix_of(model, train, validation):
    train, validation = (
        sample_batches(batches(*train)),
        sample_batches(batches(*validation)),
    )
    with restored_after(model):
        return measure_losses(model, train, validation, resolve_loss(model, train))


def expected(x, y, mean, variance, slope=4.0):
    """Loss of the sharp network under these statistics, written down."""
    logits = slope * (x[:, 0] - mean[0]) / np.sqrt(variance[0] + 1e-5)
    own = np.where(y > 0, logits, -logits)
    return np.mean(np.log1p(np.exp(-own)))


@pytest.fixture
def case():
    train, validation = data(), data(128, seed=1)
    model = sharp_network(train[0])
    set_statistics(model.get_layer("norm"), [1.0, 0.0], [4.0, 1.0])
    return model, train, validation


def test_d_is_the_validation_loss_that_evaluate_reports(case):
    model, train, validation = case
    seen = model.evaluate(*validation, verbose=0)[0]
    assert matrix_of(model, train, validation).mean("D") == pytest.approx(
        seen, rel=1e-5
    )


@pytest.mark.parametrize(("cell", "split"), [("B", 0), ("D", 1)])
def test_moving_statistics_give_the_loss_written_down(case, cell, split):
    model, *splits = case
    truth = expected(*splits[split], [1.0], [4.0])
    assert matrix_of(model, *splits).mean(cell) == pytest.approx(truth, rel=1e-4)


@pytest.mark.parametrize(("cell", "split"), [("B'", 0), ("D'", 1)])
def test_estimated_statistics_are_those_of_the_training_inputs(case, cell, split):
    model, *splits = case
    truth = expected(*splits[split], *moments_of(splits[0][0]))
    assert matrix_of(model, *splits).mean(cell) == pytest.approx(truth, rel=1e-4)


def test_d_two_primes_uses_statistics_of_the_validation_inputs(case):
    model, train, validation = case
    truth = expected(*validation, *moments_of(validation[0]))
    assert matrix_of(model, train, validation).mean("D''") == pytest.approx(
        truth, rel=1e-4
    )


def test_a_normalizes_each_batch_by_itself(case):
    model, train, validation = case
    parts = [expected(x, y, *moments_of(x)) for x, y in batches(*train)]
    assert matrix_of(model, train, validation).mean("A") == pytest.approx(
        np.mean(parts), rel=1e-4
    )


def test_dropout_stays_off_when_norms_use_batch_statistics():
    train, validation = data(), data(128, seed=1)
    model = sharp_network(train[0], before=[keras.layers.Dropout(0.9)])
    plain = sharp_network(train[0])
    assert matrix_of(model, train, validation).mean("A") == pytest.approx(
        matrix_of(plain, train, validation).mean("A"), rel=1e-6
    )


def test_a_frozen_norm_stays_on_its_moving_statistics(case):
    model, train, validation = case
    model.get_layer("norm").trainable = False
    matrix = matrix_of(model, train, validation)
    assert matrix.mean("A") == matrix.mean("B") and "D'" not in matrix.losses


def test_moving_statistics_are_as_before(case):
    model, train, validation = case
    matrix_of(model, train, validation)
    moving = keras.ops.convert_to_numpy(model.get_layer("norm").moving_mean)
    assert moving.tolist() == [1.0, 0.0]


def test_a_norm_inside_a_nested_model_is_found(case):
    inner, train, validation = case
    inputs = keras.Input((2,))
    outer = keras.Model(inputs, inner(inputs))
    outer.compile("sgd", "binary_crossentropy")
    assert "D'" in matrix_of(outer, train, validation).losses


def test_without_validation_only_training_cells_are_measured(case):
    model, train, _ = case
    samples = sample_batches(batches(*train))
    with restored_after(model):
        matrix = measure_losses(model, samples, None, resolve_loss(model, samples))
    assert set(matrix.losses) == {"A", "As", "B", "B'"}
