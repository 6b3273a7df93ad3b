import keras
import numpy as np
import pytest

from kerasnorm.callbacks import LearningRateFinder


def make_model(optimizer=None):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(16),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(1),
        ]
    )
    optimizer = optimizer or keras.optimizers.SGD(0.01, momentum=0.9)
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"])
    return model


def make_batches(count=10, size=16):
    generator = np.random.default_rng(0)
    batches = []
    for _ in range(count):
        x = generator.standard_normal((size, 6)).astype("float32")
        batches.append((x, 3 * x[:, :1] + 1))
    return batches


def make_finder(**arguments):
    return LearningRateFinder(make_batches(), 1e-5, 100.0, steps=40, **arguments)


def snapshot(model):
    variables = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(v).copy() for v in variables]


@pytest.mark.thorough
@pytest.mark.backends
def test_everything_is_as_before():
    model = make_model()
    # Slots, statistics, random states and metrics are not at their first values.
    for batch in make_batches(3):
        model.train_on_batch(*batch)
    before = snapshot(model)
    make_finder().find(model)
    for ours, theirs in zip(snapshot(model), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.thorough
@pytest.mark.backends
def test_training_after_it_is_as_if_it_had_not_been():
    weights = []
    for finds in (False, True):
        model = make_model()
        if finds:
            make_finder().find(model)
        for batch in make_batches(3):
            model.train_on_batch(*batch)
        weights.append(model.get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


@pytest.mark.thorough
@pytest.mark.backends
def test_everything_is_as_before_when_a_batch_fails():
    model = make_model()
    for batch in make_batches(3):
        model.train_on_batch(*batch)
    before = snapshot(model)
    batches = [*make_batches(2), (np.ones((2, 5), "float32"), np.ones((2, 1)))]
    with pytest.raises(Exception, match=r"shape|size|dot|mat"):
        LearningRateFinder(batches).find(model)
    for ours, theirs in zip(snapshot(model), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.thorough
@pytest.mark.backends
def test_the_suggestion_lies_below_the_explosion():
    model = make_model()
    finder = make_finder()
    suggestion = finder.find(model)
    lowest = finder.learning_rates[np.argmin(finder.smoothed_losses)]
    assert suggestion == finder.suggestion == pytest.approx(0.1 * lowest)
    # The test ended where the loss had exploded, not at the last learning rate.
    assert finder.learning_rates[-1] < 100.0
    assert 1e-4 < suggestion < 1.0


@pytest.mark.thorough
@pytest.mark.backends
def test_learning_rates_grow_by_one_ratio():
    finder = make_finder()
    finder.find(make_model())
    ratios = finder.learning_rates[1:] / finder.learning_rates[:-1]
    np.testing.assert_allclose(ratios, (100.0 / 1e-5) ** (1 / 39))
    assert finder.learning_rates[0] == pytest.approx(1e-5)


@pytest.mark.backends
def test_a_loss_is_paired_with_the_rate_that_led_to_it():
    (x, y), *_ = make_batches()
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    start = model.get_weights()
    finder = LearningRateFinder([(x, y)], 0.01, 0.2, steps=10)
    finder.find(model)
    model.set_weights(start)
    model.optimizer.learning_rate = 0.01
    model.train_on_batch(x, y)
    loss = float(model.evaluate(x, y, verbose=0))
    assert finder.losses[0] == pytest.approx(loss, rel=1e-4)


@pytest.mark.thorough
@pytest.mark.backends
def test_a_schedule_is_replaced_for_the_test_only():
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 1000)
    model = make_model(keras.optimizers.SGD(schedule, momentum=0.9))
    scheduled = make_finder()
    scheduled.find(model)
    assert model.optimizer._learning_rate is schedule
    plain = make_finder()
    plain.find(make_model())
    np.testing.assert_allclose(scheduled.losses, plain.losses, rtol=1e-3)
    # The compiled step follows the schedule again.
    twin = make_model(keras.optimizers.SGD(schedule, momentum=0.9))
    for either in (model, twin):
        # Dropout on PyTorch draws from the global generator.
        keras.utils.set_random_seed(3)
        for batch in make_batches(2):
            either.train_on_batch(*batch)
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


@pytest.mark.backends
def test_fit_starts_with_the_suggestion():
    model = make_model()
    finder = make_finder()
    (x, y), *_ = make_batches(1, 64)
    model.fit(x, y, verbose=0, callbacks=[finder])
    rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    assert rate == pytest.approx(finder.suggestion)


def test_fit_refuses_a_schedule():
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 1000)
    model = make_model(keras.optimizers.SGD(schedule))
    (x, y), *_ = make_batches(1)
    with pytest.raises(ValueError, match=r"Call `find\(model\)`"):
        model.fit(x, y, verbose=0, callbacks=[make_finder()])


@pytest.mark.thorough
def test_a_dataset_serves_as_batches():
    tf = pytest.importorskip("tensorflow")
    x, y = make_batches(1, 64)[0]
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    finder = LearningRateFinder(dataset, 1e-5, 100.0, steps=40)
    assert finder.find(make_model()) > 0


@pytest.mark.backends
def test_whole_arrays_serve_as_batches():
    """As in `fit(x, y)`: cut into batches of 32."""
    x, y = (np.concatenate(part) for part in zip(*make_batches(8), strict=True))
    found = LearningRateFinder((x, y), 1e-5, 100.0, steps=40)
    expected = LearningRateFinder(
        list(zip(np.split(x, 4), np.split(y, 4), strict=True)), 1e-5, 100.0, steps=40
    )
    assert found.find(make_model()) == expected.find(make_model())


def test_it_plots(tmp_path):
    finder = make_finder()
    finder.find(make_model())
    figure = finder.plot(tmp_path / "rates.png")
    assert (tmp_path / "rates.png").stat().st_size > 1000
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert len(axes.lines) == 3


def test_there_is_nothing_to_plot_before_the_test():
    with pytest.raises(RuntimeError, match="Expected a test to plot"):
        make_finder().plot()


def test_a_loss_that_never_falls_gives_no_suggestion():
    batches = [(x, np.full_like(y, np.nan)) for x, y in make_batches(2)]
    with pytest.raises(RuntimeError, match="never fell"):
        LearningRateFinder(batches).find(make_model())


def test_an_uncompiled_model_is_refused():
    with pytest.raises(ValueError, match="compiled and built model"):
        make_finder().find(keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)]))


def test_no_batches_are_refused():
    with pytest.raises(ValueError, match="`batches` of training data, received none"):
        LearningRateFinder([]).find(make_model())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"minimum": 0.0}, "`minimum` to be above 0"),
        ({"minimum": 1.0, "maximum": 0.5}, "below `maximum`"),
        ({"steps": 9}, "`steps` to be at least 10"),
        ({"smoothing": 1.0}, "`smoothing`"),
        ({"stop_factor": 1.0}, "`stop_factor` to be above 1"),
        ({"share": 0.0}, "`share` to be above 0"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        LearningRateFinder([], **arguments)


@pytest.mark.backends
def test_losses_may_be_negative():
    plain, lowered = make_finder(), make_finder()
    model = make_model()
    plain.find(model)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        lambda y, p: keras.losses.mean_squared_error(y, p) - 100.0,
    )
    lowered.find(model)
    assert lowered.losses.min() < 0
    assert lowered.suggestion == pytest.approx(plain.suggestion, rel=1e-3)


@pytest.mark.backends
def test_a_loss_that_only_rounding_moves_gives_no_suggestion():
    model = make_model()
    model.compile("sgd", "mse")
    model.trainable = False
    model.compile("sgd", "mse")
    batches = [(np.zeros((8, 6), "float32"), np.full((8, 1), 0.7, "float32"))]
    with pytest.raises(RuntimeError, match="never fell"):
        LearningRateFinder(batches, steps=40).find(model)


@pytest.mark.backends
def test_batches_may_say_that_they_have_no_weights():
    batches = [(x, y, None) for x, y in make_batches()]
    assert LearningRateFinder(batches, 1e-5, 100.0, steps=40).find(make_model()) > 0


@pytest.mark.backends
def test_batches_that_end_too_early_are_refused():
    """A generator is used up by its first pass."""
    finder = LearningRateFinder(iter(make_batches(12)), 1e-5, 10.0, steps=20)
    with pytest.raises(ValueError, match=r"11 of 20 learning rates"):
        finder.find(make_model())


@pytest.mark.backends
def test_the_suggestion_is_never_below_the_minimum():
    finder = LearningRateFinder(make_batches(), 0.01, 0.1, steps=10, share=1e-3)
    assert finder.find(make_model()) == 0.01
