import numpy as np
import pytest
from scipy import stats

from kerasnorm.doctor.cells import CELLS, Cell
from kerasnorm.doctor.loss_matrix.bootstrap import permutation_p
from kerasnorm.doctor.loss_matrix.budget import PairedDraws
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.doctor.networks import data, examine_planted, set_statistics


def spoiled(model, train, validation):
    set_statistics(model.get_layer("norm"), [1.0, 0.0], [9.0, 1.0])
    return model, train, (validation[0] * 2, validation[1])


def test_the_parts_sum_to_the_gap_exactly():
    examination = examine_planted(spoiled)
    losses = examination.losses
    assert sum(examination.budget.values()) == pytest.approx(
        losses["D"] - losses["A"], abs=1e-12
    )


def test_every_part_lies_in_its_interval():
    budget = examine_planted(spoiled).budget
    assert all(
        budget.intervals[name][0] <= value <= budget.intervals[name][1]
        for name, value in budget.items()
    )


def test_the_stale_part_is_what_true_statistics_save():
    examination = examine_planted(spoiled)
    saved = examination.losses["D"] - examination.losses["D'"]
    assert examination.budget["stale_statistics"] == saved


@pytest.mark.thorough
def test_a_model_without_batch_norm_has_only_generalization():
    import keras

    from kerasnorm.doctor import examine

    x, y = data()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    budget = examine(model, (x, y), data(seed=1)).budget
    assert list(budget) == ["generalization"]


def difference_of(losses, size=32, by_batch=False):
    """The interval of the first of two cells of 640 samples against zeros."""
    samples = sample_batches([np.zeros((size, 1), "float32")] * (640 // size))
    cell, other = losses
    losses = {cell: losses[cell], other: losses[other]}
    matrix = LossMatrix(losses, by_batch=by_batch)
    return PairedDraws(matrix, samples, samples).difference(cell, other)


def test_the_order_of_validation_samples_does_not_widen_intervals():
    """Losses that differ between classes: sorted by class, batches differ as much."""
    values = np.random.default_rng(0).normal(np.repeat([0.2, 1.2], 320), 0.1)
    value, low, high = difference_of({"D": values, "B": np.zeros(640)})
    error = values.std() / np.sqrt(640)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert low < value < high


@pytest.mark.parametrize("count", [4, 5, 20])
def test_a_loss_known_by_batch_counts_its_batches_not_its_samples(count):
    size = 640 // count
    by_batch = np.random.default_rng(0).normal(1, 0.3, count)
    losses = {"D": np.repeat(by_batch, size), "B": np.zeros(640)}
    _, low, high = difference_of(losses, size, by_batch=True)
    wide = stats.t.ppf(0.975, count - 1) * by_batch.std(ddof=1) / np.sqrt(count)
    assert high - low == pytest.approx(2 * wide, rel=0.25)


@pytest.mark.parametrize("count", [6, 10, 15, 16, 640])
def test_both_limits_are_those_of_students_t(count):
    values = np.random.default_rng(3).normal(1, 0.3, count)
    samples = sample_batches([np.zeros((count, 1), "float32")])
    matrix = LossMatrix({"D": values, "B": np.zeros(count)})
    value, low, high = PairedDraws(matrix, samples, samples).difference("D", "B")
    wide = stats.t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count)
    assert value == pytest.approx(values.mean())
    # A bootstrap of few values is rough.
    assert value - low == pytest.approx(wide, rel=0.25)
    assert high - value == pytest.approx(wide, rel=0.25)


def test_the_limits_of_a_ratio_are_those_of_its_standard_error():
    generator = np.random.default_rng(4)
    whole = generator.uniform(1, 2, 640)
    part = whole * generator.normal(0.5, 0.1, 640)
    samples = sample_batches([np.zeros((32, 1), "float32")] * 20)
    matrix = LossMatrix({"D": part, "B": whole})
    value, low, high = PairedDraws(matrix, samples, samples).ratio("D", part, whole)
    expected = part.mean() / whole.mean()
    error = (part - expected * whole).std() / whole.mean() / np.sqrt(640)
    assert value == pytest.approx(expected)
    assert value - low == pytest.approx(1.96 * error, rel=0.15)
    assert high - value == pytest.approx(1.96 * error, rel=0.15)


def test_the_ratio_of_one_batch_is_not_known():
    samples = sample_batches([np.zeros((8, 1), "float32")])
    matrix = LossMatrix({"A": np.ones(8)}, by_batch=True)
    draws = PairedDraws(matrix, samples, samples)
    found = draws.ratio("A", np.ones(8), np.full(8, 2.0))
    assert found == (0.5, -np.inf, np.inf)


@pytest.mark.parametrize(
    "null, expected", [(2.0, 1 / 401), (1.0, 1.0), (0.0, 1.0)], ids=str
)
def test_a_permutation_test_counts_what_is_as_small(null, expected):
    assert permutation_p(1.0, lambda generator: null) == pytest.approx(expected)


def test_every_cell_knows_its_samples_and_its_statistics():
    splits = {cell: cell.split_name for cell in Cell}
    assert set(splits.values()) == {"train", "validation"}
    assert {cell for cell in Cell if cell.in_batch_mode} == {"A", "As", "A64"}
    # Saved files name cells by these letters.
    assert list(CELLS) == ["A", "As", "A64", "B", "B'", "D", "D'", "D''"]
    assert all(
        ("training samples" in words or "training batches" in words)
        == (splits[cell] == "train")
        for cell, words in CELLS.items()
    )
