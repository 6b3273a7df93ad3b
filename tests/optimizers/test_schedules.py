import keras
import numpy as np
import pytest

from kerasnorm.optimizers import WarmupCosine, WarmupStableDecay

SCHEDULES = {
    "cosine": WarmupCosine(0.1, 100, 10, final_learning_rate=0.001),
    "stable": WarmupStableDecay(0.1, 100, 10, 30, initial_learning_rate=0.02),
}


def values(schedule, steps):
    return [float(keras.ops.convert_to_numpy(schedule(step))) for step in steps]


@pytest.mark.backends
def test_cosine_goes_through_its_corners():
    schedule = WarmupCosine(0.1, total_steps=100, warmup_steps=20)
    expected = [0.0, 0.05, 0.1, 0.05, 0.0, 0.0]
    actual = values(schedule, [0, 10, 20, 60, 100, 1000])
    np.testing.assert_allclose(actual, expected, atol=1e-7)


@pytest.mark.backends
def test_cosine_equals_that_of_keras():
    ours = WarmupCosine(0.1, 100, 20, final_learning_rate=0.01)
    theirs = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=80, alpha=0.1, warmup_target=0.1, warmup_steps=20
    )
    steps = range(0, 120, 7)
    np.testing.assert_allclose(values(ours, steps), values(theirs, steps), atol=1e-7)


@pytest.mark.backends
def test_stable_goes_through_its_corners():
    schedule = WarmupStableDecay(
        0.1, 100, 20, 40, initial_learning_rate=0.02, final_learning_rate=0.01
    )
    expected = [0.02, 0.06, 0.1, 0.1, 0.1, 0.055, 0.01, 0.01]
    actual = values(schedule, [0, 10, 20, 40, 60, 80, 100, 1000])
    np.testing.assert_allclose(actual, expected, atol=1e-7)


@pytest.mark.backends
@pytest.mark.parametrize("make", [WarmupCosine, WarmupStableDecay])
def test_without_warm_up_it_starts_at_the_top(make):
    assert values(make(0.1, 100), [0]) == pytest.approx([0.1])


@pytest.mark.backends
def test_without_warm_down_it_drops_at_the_end():
    schedule = WarmupStableDecay(0.1, 100)
    np.testing.assert_allclose(values(schedule, [99, 100]), [0.1, 0.0], atol=1e-7)


@pytest.mark.backends
@pytest.mark.parametrize("name", SCHEDULES)
def test_it_survives_saving(name, tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(SCHEDULES[name]), "mse")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    schedule = loaded.optimizer._learning_rate
    assert type(schedule) is type(SCHEDULES[name])
    assert schedule.get_config() == SCHEDULES[name].get_config()


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (WarmupCosine, (0.1, 0), "`total_steps` to be above 0"),
        (WarmupCosine, (0.1, 10, 11), "`warmup_steps` to lie between"),
        (WarmupStableDecay, (0.1, 10, 5, 6), "`decay_steps` to lie between"),
    ],
)
def test_lengths_are_checked(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(*arguments)
