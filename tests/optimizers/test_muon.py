import keras
import numpy as np
import pytest

from kerasnorm.optimizers import Muon
from tests.optimizers import harness
from tests.reference import optimizers as reference

LAYERS = [
    "conv2d subclass",
    "depthwise2d",
    "conv3d",
    "transposed2d",
    "separable1d",
    "batch norm",
    "dense",
]


def run(optimizer, steps=30, layers=LAYERS):
    _, variables, kinds = harness.make_variables(layers)
    weights = harness.random_weights(variables)
    gradients = harness.random_gradients(variables, steps)
    return harness.run_steps(optimizer, variables, gradients), weights, gradients, kinds


def by_adam(kinds, *, final=True):
    last = max(i for i, kind in enumerate(kinds) if kind != "vector")
    return [
        i
        for i, kind in enumerate(kinds)
        if kind == "vector" or kind.startswith("depthwise") or (final and i == last)
    ]


@pytest.mark.backends
@pytest.mark.parametrize("exclude", ["final_kernel", None])
def test_steps_equal_the_reference(exclude):
    optimizer = Muon(3e-3, weight_decay=0.05, exclude=exclude)
    actual, weights, gradients, kinds = run(optimizer)
    excluded = by_adam(kinds, final=exclude is not None)
    rule = reference.Muon(kinds, 3e-3, 0.05, excluded)
    expected = harness.run_reference(rule, weights, gradients)
    harness.assert_all_close(actual, expected, tolerance=1e-4)


@pytest.mark.backends
def test_matrices_step_as_by_keras():
    layers = ["dense", "batch norm"]
    ours, *_ = run(Muon(1e-2, weight_decay=0.1, exclude=None), layers=layers)
    theirs, *_ = run(
        keras.optimizers.Muon(1e-2, weight_decay=0.1, adam_weight_decay=0.1),
        layers=layers,
    )
    harness.assert_all_close(ours, theirs, tolerance=1e-6)


@pytest.mark.backends
def test_the_momentum_of_a_convolution_is_made_nearly_orthogonal():
    _, variables, _ = harness.make_variables(["conv2d"])
    kernel = variables[0]
    kernel.assign(np.zeros(kernel.shape, "float32"))
    gradients = harness.random_gradients(variables, 1)
    stepped = harness.run_steps(
        Muon(1.0, weight_decay=0.0, exclude=None), variables, gradients
    )[0]
    matrix = stepped.reshape(-1, stepped.shape[-1])
    values = np.linalg.svd(matrix, compute_uv=False) / (0.2 * len(matrix) ** 0.5)
    # Where five steps of the quintic bring singular values of 0.1 to 1.
    assert values.min() > 0.65
    assert values.max() < 1.25


@pytest.mark.backends
def test_layers_are_excluded_as_by_keras():
    layers = ["dense", "dense of one input"]
    arguments = {"weight_decay": 0.1, "adam_weight_decay": 0.02}
    # A regular expression that matches the first of the two kernels.
    arguments["exclude_layers"] = ["depth.*_a"]
    ours, *_ = run(Muon(1e-2, exclude=None, **arguments), layers=layers)
    theirs, *_ = run(keras.optimizers.Muon(1e-2, **arguments), layers=layers)
    harness.assert_all_close(ours, theirs, tolerance=1e-6)


def test_excluded_kernels_step_by_adam():
    _, variables, _ = harness.make_variables(["conv2d", "conv1d", "dense"])
    optimizer = Muon(exclude=lambda variable: len(variable.shape) == 4)
    optimizer.build(variables)
    # The kernel of conv2d and three biases.
    assert sum("velocity" in variable.path for variable in optimizer.variables) == 4


@pytest.mark.backends
def test_a_model_trains_saves_and_goes_on_exactly(tmp_path):
    x, y = harness.small_data()
    model = harness.small_model()
    model.compile(Muon(1e-2, weight_decay=0.01), "mse")
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=5, batch_size=16, shuffle=False, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before
    model.save(tmp_path / "model.keras")
    other = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(other.optimizer, Muon)
    for one in (model, other):
        one.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0)
    assert harness.max_difference(model, other) < 1e-6


def test_config_comes_back():
    optimizer = Muon(
        2e-3,
        weight_decay=0.1,
        adam_weight_decay=0.02,
        exclude="head",
        momentum=0.9,
        ns_steps=4,
    )
    other = Muon.from_config(optimizer.get_config())
    assert other.get_config() == optimizer.get_config()
    assert (other.weight_decay, other.adam_weight_decay) == (0.1, 0.02)


@pytest.mark.parametrize("argument", ["weight_decay", "adam_weight_decay"])
def test_decays_are_checked(argument):
    with pytest.raises(ValueError, match=f"`{argument}` to be at least 0, received"):
        Muon(**{argument: -0.1})
