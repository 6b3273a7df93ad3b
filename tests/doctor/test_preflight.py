import keras
import numpy as np
import pytest

from kerasnorm.doctor import preflight
from kerasnorm.doctor.probes.gradients.gradients import measure_gradients
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.doctor.networks import batches, data
from tests.doctor.own_steps import OwnStep


def network(activation="softmax", outputs=2, norm=False):
    layers = [keras.layers.Dense(16, activation="relu")]
    if norm:
        layers.append(keras.layers.BatchNormalization())
    return keras.Sequential(
        [keras.Input((2,)), *layers, keras.layers.Dense(outputs, activation=activation)]
    )


def fly(model, loss, train=None, validation=None, **options):
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=False)
    train, validation = train or data(128), validation or data(128, seed=1)
    return preflight(model, batches(*train), batches(*validation), **options)


def codes(examination):
    return [f.code for f in examination.findings if f.severity != "info"]


def test_a_sound_model_passes():
    assert codes(fly(network(), "sparse_categorical_crossentropy")) == []


@pytest.mark.thorough
def test_a_sound_model_with_batch_norm_passes():
    found = fly(
        network(norm=True), "sparse_categorical_crossentropy", steps_per_epoch=900
    )
    assert codes(found) == []


@pytest.mark.parametrize(
    ("activation", "outputs", "loss"),
    [
        ("softmax", 1, "binary_crossentropy"),
        ("softmax", 2, "categorical_crossentropy"),
        ("sigmoid", 1, "categorical_crossentropy"),
        ("linear", 2, "sparse_categorical_crossentropy"),
        ("sigmoid", 1, "sparse_categorical_crossentropy"),
    ],
)
def test_head_labels_and_loss_that_do_not_agree_are_named(activation, outputs, loss):
    found = fly(network(activation, outputs), loss)
    assert "label_mismatch" in codes(found)


def test_logits_taken_twice_are_named():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert "label_mismatch" in codes(fly(network(), loss))


@pytest.mark.thorough
def test_validation_on_another_scale_is_named():
    x, y = data(128, seed=1)
    found = fly(network(), "sparse_categorical_crossentropy", None, (x * 255, y))
    assert "input_mismatch" in codes(found)


def test_classes_in_runs_are_named():
    x, y = data(128)
    order = np.argsort(y)
    found = fly(network(), "sparse_categorical_crossentropy", (x[order], y[order]))
    assert "ordered_batches" in codes(found)


@pytest.mark.thorough
def test_weights_are_as_before():
    model = network(norm=True)
    before = [weight.tobytes() for weight in model.get_weights()]
    fly(model, "sparse_categorical_crossentropy")
    assert [weight.tobytes() for weight in model.get_weights()] == before


def test_a_frozen_model_that_cannot_learn_is_named():
    model = network()
    model.trainable = False
    found = fly(model, "sparse_categorical_crossentropy")
    assert codes(found) == ["nothing_trainable"]


@pytest.mark.thorough
def test_dead_units_are_counted():
    model = network()
    kernel, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([kernel * 0, bias - 1])
    found = fly(model, "sparse_categorical_crossentropy")
    assert list(found.measurements["rehearsal"]["dead_units"].values()) == [1.0]
    assert "dead_units" in [f.code for f in found.findings]


@pytest.mark.thorough
def test_right_gradients_agree_with_the_loss():
    found = fly(network(norm=True), "sparse_categorical_crossentropy")
    agreement = found.measurements["gradients"]["agreement"]
    assert len(agreement) == 3
    assert list(agreement.values()) == pytest.approx([1, 1, 1], abs=0.1)


class Reporting(OwnStep):
    """Goes down another loss than the one that `evaluate` reports."""

    def test_step(self, data):
        x, y = data
        loss = keras.ops.mean(keras.ops.square(y - self(x, training=False)))
        return {"loss": 3 * loss - 1}


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "count"), [(OwnStep, 2), (Reporting, 0)])
def test_a_step_of_ones_own_is_compared_with_the_loss_that_it_goes_down(kind, count):
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(4, "tanh")(inputs)
    model = kind(inputs, keras.layers.Dense(1)(hidden))
    model.compile("sgd", "mse", jit_compile=False)
    x, _ = data(32)
    found = measure_gradients(model, sample_batches([(x, x[:, :1])]))
    assert list(found.agreement.values()) == pytest.approx([1] * count, abs=0.1)


class Scaled(keras.layers.Layer):
    """Passes so much of the gradient of its output."""

    def __init__(self, fraction=1.0, **options):
        super().__init__(**options)
        self.fraction = fraction

    def call(self, inputs):
        passed = self.fraction * inputs
        return passed + keras.ops.stop_gradient(inputs - passed)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"fraction": self.fraction}


@pytest.mark.thorough
@pytest.mark.parametrize("place", [1, 3])
@pytest.mark.parametrize("fraction", [0.5, 2.0])
def test_a_wrong_gradient_of_one_layer_among_many_is_named(place, fraction):
    layers = [keras.layers.Dense(8, "tanh", name=f"layer{i}") for i in range(4)]
    layers.insert(place, Scaled(fraction))
    head = keras.layers.Dense(2, "softmax", name="head")
    model = keras.Sequential([keras.Input((2,)), *layers, head])
    found = fly(model, "sparse_categorical_crossentropy")
    (wrong,) = (f for f in found.findings if f.code == "wrong_gradient")
    ratios = wrong.evidence["agreement"]
    assert [path.rpartition("/")[2] for path in ratios] == [
        f"layer{i}" for i in range(place)
    ]
    assert list(ratios.values()) == pytest.approx([1 / fraction] * place, rel=0.1)


def of_layers(*layers):
    return keras.Sequential([keras.Input((2,)), *layers])


def dense(count, activation):
    return [keras.layers.Dense(8, activation) for _ in range(count)]


# Networks whose loss is crooked, flat or noisy to steps that float32 can tell.
HARD = {
    "many units that switch": lambda: dense(12, "relu"),
    "dropout": lambda: [*dense(2, "tanh"), keras.layers.Dropout(0.5)],
    "noise": lambda: [keras.layers.GaussianNoise(0.3), *dense(2, "tanh")],
    "norms": lambda: [*dense(2, "tanh"), keras.layers.BatchNormalization()],
    "small gradients": lambda: [*dense(3, "sigmoid"), *dense(3, "sigmoid")],
    "an inner model": lambda: [of_layers(*dense(2, "tanh")), *dense(1, "gelu")],
}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("fraction", [1.0, 0.5])
def test_gradients_are_checked_in_float64(kind, fraction):
    if keras.backend.backend() == "torch":
        pytest.skip("PyTorch's mean of a loss is float32")
    keras.utils.set_random_seed(0)
    last = [Scaled(fraction), keras.layers.Dense(2, "softmax", name="last")]
    model = of_layers(*HARD[kind](), *last)
    layers = {v.path.rpartition("/")[0] for v in model.trainable_variables}
    agreement = fly(model, "sparse_categorical_crossentropy").measurements["gradients"][
        "agreement"
    ]
    assert len(agreement) >= 0.8 * len(layers)
    for path, ratio in agreement.items():
        wanted = 1 if path.endswith("last") else 1 / fraction
        assert ratio == pytest.approx(wanted, rel=0.05), path


@pytest.mark.thorough
def test_variables_that_are_cut_off_are_named():
    inner = keras.layers.Dense(8, "tanh", name="inner")
    head = keras.layers.Dense(2, "softmax")
    model = keras.Sequential([keras.Input((2,)), inner, Scaled(0.0), head])
    cut = fly(model, "sparse_categorical_crossentropy")
    (finding,) = (f for f in cut.findings if f.code == "unconnected_variables")
    assert [path.rpartition("/")[2] for path in finding.evidence["variables"]] == [
        "kernel",
        "bias",
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        # Nothing moves, and no variable is called unconnected for it.
        (1e-12, [("learning_rate_too_low", "warning")]),
        (3e-4, [("learning_rate_too_low", "info")]),
        (1e-2, []),
        (1e4, [("learning_rate_too_high", "warning")]),
    ],
)
def test_rates_are_judged_by_what_another_one_reaches(rate, expected):
    x, y = data(128)
    model = network()
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(rate), loss, jit_compile=False)
    # Labels that nothing separates at once: any rate would do otherwise.
    y[::5] = 1 - y[::5]
    found = preflight(model, batches(x, y))
    assert [(f.code, f.severity) for f in found.findings] == expected


def test_what_model_and_optimizer_tell_is_known_before_the_first_step():
    def found_in(model, **options):
        adam = keras.optimizers.Adam(0.01, **options)
        model.compile(adam, "sparse_categorical_crossentropy")
        found = preflight(model, batches(*data(128)), quick=True, steps_per_epoch=900)
        return [(f.code, f.severity) for f in found.findings]

    assert found_in(network(norm=True)) == []
    assert found_in(network(), use_ema=True) == []
    averaged = found_in(network(norm=True), use_ema=True)
    assert averaged == [("ema_statistics", "info")]
    gathered = found_in(network(norm=True), gradient_accumulation_steps=4)
    assert gathered == [("gradient_accumulation", "info")]
    inputs, base = keras.Input((2,)), network(norm=True)
    flagged = keras.Model(inputs, base(inputs, training=False))
    assert found_in(flagged) == [("training_flag_overridden", "warning")]


def test_a_base_that_is_frozen_after_fit_is_named():
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*data(32), verbose=0)
    model.layers[0].trainable = False
    found = preflight(model, batches(*data(128)))
    assert codes(found) == ["freeze_without_recompile"]


@pytest.mark.parametrize(
    ("scale", "dtype", "is_found"),
    [
        (255, "uint8", False),
        (255, "float32", False),
        (15, "uint8", True),
        (15, "float32", True),
        (15 / 255, "float32", True),
        (1.0, "float32", False),
    ],
)
def test_images_that_use_little_of_their_range(scale, dtype, is_found):
    levels = np.random.default_rng(0).integers(0, 16, (64, 4, 4, 1)) / 15
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    x = (levels * scale).astype(dtype)
    found = preflight(model, batches(x, np.arange(64) % 2), quick=True)
    assert ("input_range" in codes(found)) is is_found


def test_the_quick_look_does_not_train():
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    found = preflight(model, batches(*data(128)), quick=True)
    assert "rehearsal" not in found.measurements and found.seconds < 30


def test_steps_of_the_whole_epoch_can_be_told():
    model = network(norm=True)
    model.compile("adam", "sparse_categorical_crossentropy")
    few = preflight(model, batches(*data(128)), quick=True)
    some = preflight(model, batches(*data(128)), quick=True, steps_per_epoch=100)
    many = preflight(model, batches(*data(128)), quick=True, steps_per_epoch=900)
    assert [
        [(f.code, f.severity) for f in found.findings] for found in (few, some, many)
    ] == [[("norm_momentum", "warning")], [("norm_momentum", "info")], []]
