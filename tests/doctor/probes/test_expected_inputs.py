"""Which inputs a network expects: maps, predicted statistics, drawn preparations."""

import statistics

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine, prove
from kerasnorm.doctor.forward.state import restored_after
from kerasnorm.doctor.inputs_of_model import hard_loss
from kerasnorm.doctor.probes.inputs import expected_inputs
from kerasnorm.doctor.probes.inputs.channel_order import decide_order
from kerasnorm.doctor.probes.inputs.first_norm import FirstNorm, NormInputs
from kerasnorm.doctor.probes.inputs.input_map import (
    InputMap,
    channel_axis,
    named_maps,
    negative_of,
)
from kerasnorm.doctor.probes.inputs.input_statistics import read_expected_inputs
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.doctor.networks import batches, set_statistics

L = keras.layers
SIZE = 16
KERAS_MODES = {"-1..1": "tf", "torch": "torch", "caffe": "caffe"}


def colour_images(count, seed):
    """Return images of 0 to 255 with a square that is reddish or greenish."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    x = generator.uniform(70, 180, (count, 1, 1, 1)) + generator.normal(
        0, 20, (count, SIZE, SIZE, 3)
    )
    for image, label in zip(x, labels, strict=True):
        row, column = generator.integers(0, SIZE // 2, 2)
        image[row : row + 8, column : column + 8, label] += 80
    x[:, :2, :2] = generator.choice([0, 255], (count, 1, 1, 1))
    return np.clip(x, 0, 255).astype("float32"), labels


def network(pad="same", norm=True):
    layers = []
    for _ in range(2):
        layers.append(L.Conv2D(16, 3, strides=2, padding=pad, use_bias=not norm))
        layers += [L.BatchNormalization(momentum=0.9)] * norm + [L.ReLU()]
    head = [L.GlobalAveragePooling2D(), L.Dense(2, activation="softmax")]
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), *layers, *head])
    model.compile(
        keras.optimizers.Adam(3e-3),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    return model


def preparations():
    """Return (name, scale, offset) of x / 255, named ones and drawn ones."""
    generator = np.random.default_rng(11)
    rows = [
        ("0..255", np.full(3, 1 / 255), np.zeros(3)),
        ("-1..1", np.full(3, 0.5), np.full(3, 0.5)),
    ]
    for number in range(6):
        scale = np.exp(generator.normal(0, 2) + generator.normal(0, 0.3, 3))
        rows.append((f"drawn {number}", scale, generator.normal(0, 0.5, 3)))
    return rows


def test_named_maps_are_those_of_keras_applications():
    x, _ = colour_images(32, 0)
    found = {images.preparation: images.apply(x) for images in named_maps(x, -1)}
    for name, mode in KERAS_MODES.items():
        expected = keras.applications.imagenet_utils.preprocess_input(
            x.copy(), data_format="channels_last", mode=mode
        )
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-4)


def test_named_maps_undo_the_range_that_images_have():
    x, _ = colour_images(32, 0)
    for given in named_maps(x, -1):
        prepared = given.apply(x)
        back = next(
            images.apply(prepared)
            for images in named_maps(prepared, -1)
            if images.preparation in ("0..255", "0..255, BGR")
            and images.order == given.order
        )
        np.testing.assert_allclose(back, x, atol=0.02, err_msg=given.preparation)


def test_a_negative_turns_the_range_over():
    x, _ = colour_images(32, 0)
    straight = InputMap((1 / 255,) * 3, (0.0,) * 3, (0, 1, 2))
    turned = negative_of(straight, x)
    np.testing.assert_allclose(turned.apply(x), 1 - x / 255, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((None, 8, 8, 3), -1),
        ((None, 8, 8, 1), -1),
        ((None, 3, 8, 8), 1),
        ((None, 8, 8, 16), None),
        ((None, 8), None),
    ],
)
def test_the_axis_of_the_channels_is_found(shape, axis):
    assert channel_axis(shape) == axis


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
@pytest.mark.parametrize("pad", ["same", "valid"])
def test_predicted_statistics_are_those_of_mapped_images(pad, order):
    x, _ = colour_images(16, 0)
    model = network(pad)
    norm = model.layers[1]
    known = FirstNorm(norm.name, np.zeros(16), np.ones(16), 0.0)
    inputs = NormInputs(model, known, x, -1)
    images = InputMap((0.01, -0.02, 0.03), (0.5, -0.3, 2.0), order)
    values = keras.ops.convert_to_numpy(model.layers[0](images.apply(x)))
    mean, variance = inputs.moments(images)
    assert inputs.is_affine
    np.testing.assert_allclose(mean, values.mean((0, 1, 2)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(variance, values.var((0, 1, 2)), rtol=1e-3)


@pytest.fixture(scope="module")
def trained():
    """Return a network that was trained on x / 255, and training images of 0 to 1."""
    keras.utils.set_random_seed(3)
    x, y = colour_images(512, 0)
    model = network()
    for rate, epochs in ((3e-3, 10), (3e-4, 2)):
        model.optimizer.learning_rate = rate
        model.fit(x / 255, y, epochs=epochs, batch_size=32, verbose=0)
    return model, x / 255, y


def measured(model, x, y, reported=None):
    samples = sample_batches((x.astype("float32"), y))
    steps = int(model.optimizer.iterations)
    with restored_after(model):
        loss = hard_loss(model, samples)
        if reported is not None:
            reported = expected_inputs.Reported(loss, (reported,))
        return expected_inputs.measure_expected_inputs(
            model, samples, None, loss, steps, reported=reported
        )


@pytest.mark.thorough
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=["rgb", "bgr"])
@pytest.mark.parametrize(
    ("scale", "offset"),
    [row[1:] for row in preparations()],
    ids=[row[0] for row in preparations()],
)
def test_drawn_scales_and_offsets_are_found(trained, scale, offset, order):
    model, x, y = trained
    found = measured(model, ((x - offset) / scale)[..., list(order)], y)
    if found is None:
        # So near to what is expected that the network recognizes the images anyway.
        assert order == (0, 1, 2)
        given = ((x - offset) / scale).astype("float32")
        assert model.evaluate(given, y, verbose=0)[1] > 0.9
        return
    assert found.images.order == order and found.source == "statistics"
    np.testing.assert_allclose(found.images.scale, scale, rtol=0.15)
    np.testing.assert_allclose(found.images.offset, offset, atol=0.1)
    assert found.after["training"].accuracy > 0.97


RESTORED = (1.2, 0.9, 0.5), (1.1, 0.8, 0.6)


@pytest.mark.parametrize(
    ("train", "validation", "means", "reached"),
    [
        (0.5, None, ((1.2, 0.5), ()), True),
        (1.1, None, ((1.2, 0.5), ()), False),
        (1.1, 1.1, RESTORED, True),
        (1.1, 0.8, RESTORED, False),
        (1.1, 0.95, RESTORED, False),
        (1.1, 1.1, ((1.2, 0.5), (1.1,)), False),
        (1.1, 1.1, ((1.2, 0.5), (1.1, float("nan"))), True),
    ],
)
def test_the_loss_that_fit_reported_is_that_of_the_epoch_restored(
    train, validation, means, reached, monkeypatch
):
    seen = {"train": (train, 0.01), "validation": (validation, 0.01)}
    monkeypatch.setattr(
        expected_inputs.Reported, "_measure", lambda _, model, split: seen[split]
    )
    reported = expected_inputs.Reported(None, *means)
    other = "validation" if validation else None
    assert reported.is_reached(None, "train", other) is reached


@pytest.mark.thorough
def test_without_statistics_the_usual_preparations_are_tried(trained, monkeypatch):
    model, x, y = trained
    monkeypatch.setattr(expected_inputs, "read_expected_inputs", lambda *_: None)
    found = measured(model, x[..., ::-1] * 255, y)
    assert found.source == "trial" and found.images.order == (2, 1, 0)
    assert found.after["training"].accuracy > 0.95


@pytest.mark.thorough
def test_activations_in_front_of_the_norm_are_no_obstacle():
    x, _ = colour_images(64, 0)
    layers = [L.Conv2D(16, 3, activation="relu"), L.BatchNormalization()]
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), *layers])
    values = keras.ops.convert_to_numpy(layers[0](x / 255))
    set_statistics(layers[1], values.mean((0, 1, 2)), values.var((0, 1, 2)))
    known = read_expected_inputs(model, x, -1, None)
    assert known.maps[0][0].preparation == "0..1" and not known.acquits
    assert read_expected_inputs(model, x / 255, -1, None).acquits


@pytest.mark.thorough
def test_right_inputs_are_left_alone_whatever_the_statistics(trained):
    model, x, y = trained
    assert measured(model, x, y) is None
    generator = np.random.default_rng(0)
    with restored_after(model):
        for norm in model.layers:
            if isinstance(norm, L.BatchNormalization):
                factor = np.exp(generator.normal(0.7, 0.7, 16))
                norm.moving_variance.assign(norm.moving_variance * factor)
                norm.moving_mean.assign(norm.moving_mean + generator.normal(0, 1, 16))
        assert measured(model, x, y) is None


@pytest.mark.thorough
def test_inputs_wrong_in_both_splits_are_named_and_repaired(trained):
    model, x, y = trained
    other, labels = colour_images(128, 1)
    # The negative is the hardest: all statistics but the signs are the same.
    splits = batches(255 - 255 * x, y), batches(255 - other, labels)
    examination = examine(model, *splits)
    assert examination.verdict == "input_mismatch"
    evidence = examination.findings[0].evidence
    np.testing.assert_allclose(evidence["scale"], -1 / 255, rtol=0.01)
    np.testing.assert_allclose(evidence["offset"], 1, atol=0.01)
    assert evidence["splits"] == ["training", "validation"]
    assert "255 times smaller" in examination.summary
    proof = prove(model, *splits, before=examination)
    assert proof.trials[0].after["validation_accuracy"] > 0.95
    assert proof.after.verdict != "input_mismatch"


@pytest.mark.parametrize("name", ["0..255", "-1..1"])
def test_a_network_that_learned_little_is_asked_by_its_statistics(name):
    x, y = colour_images(192, 0)
    keras.utils.set_random_seed(0)
    model = network()
    prepared = x / 255 if name == "0..255" else x / 127.5 - 1
    # Labels drawn at random: there is nothing to be learned but the statistics.
    drawn = np.random.default_rng(1).permutation(y)
    model.fit(prepared, drawn, batch_size=32, epochs=12, verbose=0)
    found = measured(model, x, drawn)
    np.testing.assert_allclose(found.images.apply(x), prepared, atol=0.2)


NORMS = {
    "none": lambda: [],
    "group": lambda: [L.GroupNormalization(4)],
    "layer": lambda: [L.LayerNormalization()],
}


def without_batch_norms(kind, seed=0):
    keras.utils.set_random_seed(seed)
    body = []
    for _ in range(2):
        body += [L.Conv2D(16, 3, strides=2), *NORMS[kind](), L.ReLU()]
    head = [L.GlobalAveragePooling2D(), L.Dense(2, activation="softmax")]
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), *body, *head])
    model.compile(
        keras.optimizers.Adam(1e-2),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


@pytest.mark.thorough
@pytest.mark.parametrize("kind", NORMS)
def test_without_batch_norms_drawn_maps_are_found_by_the_loss(kind):
    x, y = colour_images(384, 0)
    x, model = x / 255, without_batch_norms(kind)
    history = model.fit(x, y, batch_size=32, epochs=8, verbose=0).history
    for scale, offset in ((1.88, 1.16), (1.5, 2.3)):
        found = measured(model, (x - offset) / scale, y, history["loss"][-1])
        assert found.before["training"].accuracy < 0.7
        assert found.after["training"].accuracy > 0.97 and not found.images.is_reordered


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "epochs", "seed", "with_history"),
    [("none", 1, 0, True), ("none", 2, 0, False), ("group", 1, 2, False)],
)
def test_half_trained_networks_are_not_told_of_other_inputs(
    kind, epochs, seed, with_history
):
    # Larger inputs make them surer, shifted ones move their threshold.
    x, y = colour_images(384, seed)
    x, model = x / 255, without_batch_norms(kind, seed)
    history = model.fit(x, y, batch_size=32, epochs=epochs, verbose=0).history
    loss = history["loss"][-1] if with_history else None
    assert measured(model, x, y, loss) is None


class Told:
    """Stands in for a model that loses a little more in one order of the channels."""

    def __init__(self, costs):
        self.costs = costs

    def measure(self, samples, images):
        noise = np.random.default_rng(len(images.preparation)).normal(0, 0.02, 400)
        shared = np.random.default_rng(0).normal(0.6, 0.3, 400)
        return shared + noise + self.costs * (images.order == (0, 1, 2)), None


@pytest.mark.parametrize(
    ("costs", "start", "expected", "proved"),
    [
        (0.02, "caffe, RGB", "caffe", True),
        (-0.02, "caffe, RGB", "caffe, RGB", True),
        (0.0, "caffe, RGB", "caffe, RGB", False),
        (-0.02, "0..1, BGR", "0..1", True),
    ],
)
def test_the_order_of_channels_is_told_by_pairs(costs, start, expected, proved):
    x = colour_images(16, 0)[0]
    maps = {images.preparation: images for images in named_maps(x, -1)}
    found = decide_order(Told(costs), maps[start], maps.values(), None)
    assert (found[0].preparation, found[1]) == (expected, proved)


def test_an_order_without_another_is_not_judged():
    x = colour_images(16, 0)[0]
    maps = list(named_maps(x[..., :1], -1))
    assert decide_order(Told(0.02), maps[0], maps, None) == (maps[0], None)
    fitted = InputMap((2.0,) * 3, (0.0,) * 3, (0, 1, 2))
    assert decide_order(Told(0.02), fitted, maps, None) == (fitted, None)


def tinted(accuracy, seed=0, count=512, spread=0.04):
    """Return images of 0 to 1 that one hidden unit tells so often, and that network.

    The unit looks at red minus most of green, so that halving the scale around 0 moves
    it into its flat part for some images.
    """
    generator = np.random.default_rng(seed)
    y = np.arange(count) % 2
    apart = spread * statistics.NormalDist().inv_cdf(accuracy)
    green = generator.uniform(0.3, 0.5, count)
    red = green + apart * (2 * y - 1) + generator.normal(0, spread, count)
    x = np.stack([red, green, generator.uniform(0.3, 0.5, count)], axis=1)
    x = np.broadcast_to(x[:, None, None], (count, 4, 4, 3)).astype("float32")
    limit = 0.01
    less = max(apart - spread, 0.02) / 0.3
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            L.GlobalAveragePooling2D(),
            L.Dense(1, activation="relu"),
            L.Dense(1, activation="sigmoid"),
        ]
    )
    slope = 2 * apart / spread**2
    weights = ([[1.0], [less - 1], [0.0]], [limit - 0.4 * less])
    weights += ([[slope]], [-slope * limit])
    model.set_weights([np.array(w, "float32") for w in weights])
    model.compile("adam", "binary_crossentropy")
    return model, x, y


@pytest.mark.parametrize("missed", [False, True], ids=["alone", "history"])
@pytest.mark.parametrize("seed", range(2))
def test_without_norms_a_network_that_does_well_is_asked_too(seed, missed):
    model, x, y = tinted(0.99, seed)
    right = float(model.evaluate(x, y, verbose=0))
    found = measured(model, 2 * x - 1, y, right if missed else None)
    before, after = (o["training"].accuracy for o in (found.before, found.after))
    assert expected_inputs.BADLY < before < after - 0.03
    np.testing.assert_allclose(found.images.apply(2 * x - 1), x, atol=0.05)


@pytest.mark.parametrize("accuracy", [0.91, 0.94, 0.97, 0.99])
@pytest.mark.parametrize("seed", range(2))
def test_without_norms_the_right_inputs_are_left_alone(seed, accuracy):
    model, x, y = tinted(accuracy, seed)
    assert measured(model, x, y) is None
