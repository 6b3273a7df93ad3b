import pytest

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
