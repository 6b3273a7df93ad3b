import keras
import numpy as np
import pytest

from kerasnorm.optimizers import AdaPNM
from tests.marks import thorough_after
from tests.optimizers import harness
from tests.reference import optimizers as reference

LAYERS = ["dense", "conv2d", "depthwise2d", "transposed2d", "batch norm"]
OFF = {
    "positive_negative_momentum": False,
    "amsgrad": False,
    "stable_weight_decay": False,
    "norm_loss": False,
    "decay_kernels_only": False,
}
REFERENCE_NAMES = {
    "positive_negative_momentum": "positive_negative",
    "amsgrad": "amsgrad",
    "stable_weight_decay": "stable",
    "norm_loss": "norm_loss",
    "decay_kernels_only": "kernels_only",
}


def run(optimizer, steps=100, **arguments):
    _, variables, kinds = harness.make_variables(LAYERS)
    weights = harness.random_weights(variables)
    gradients = harness.random_gradients(variables, steps, **arguments)
    return harness.run_steps(optimizer, variables, gradients), weights, gradients, kinds


@pytest.mark.backends
@pytest.mark.parametrize(
    "switched_on",
    thorough_after(
        2,
        [
            list(OFF),
            ["positive_negative_momentum"],
            ["amsgrad"],
            ["stable_weight_decay"],
            ["norm_loss"],
            ["decay_kernels_only"],
        ],
    ),
)
def test_a_hundred_steps_equal_the_reference(switched_on):
    switches = {**OFF, **dict.fromkeys(switched_on, True)}
    actual, weights, gradients, kinds = run(
        AdaPNM(1e-3, weight_decay=0.05, beta_0=0.7, **switches)
    )
    names = {REFERENCE_NAMES[name]: value for name, value in switches.items()}
    rule = reference.AdaPNM(kinds, 1e-3, 0.05, beta_0=0.7, **names)
    harness.assert_all_close(actual, harness.run_reference(rule, weights, gradients))


@pytest.mark.thorough
@pytest.mark.backends
def test_everything_off_is_adamw():
    # Keras adds epsilon at another place, which shows where gradients are tiny.
    sizes = {"steps": 20, "exponents": (0, 0)}
    ours, *_ = run(AdaPNM(1e-3, weight_decay=0.1, **OFF), **sizes)
    keras_adamw = keras.optimizers.AdamW(1e-3, weight_decay=0.1, epsilon=1e-8)
    theirs, *_ = run(keras_adamw, **sizes)
    harness.assert_all_close(ours, theirs)


@pytest.mark.thorough
@pytest.mark.backends
def test_variables_can_be_excluded_from_decay():
    optimizer = AdaPNM(1e-2, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    excluded, *_ = run(optimizer, steps=3)
    without, *_ = run(AdaPNM(1e-2, weight_decay=0.0), steps=3)
    harness.assert_all_close(excluded, without, tolerance=1e-7)


@pytest.mark.backends
def test_positive_negative_momentum_keeps_the_expected_step():
    _, variables, _ = harness.make_variables(["scalar"])
    variables[0].assign(np.zeros(variables[0].shape, "float32"))
    optimizer = AdaPNM(1e-3, weight_decay=0.0, beta_0=1.0)
    ones = [np.ones(variables[0].shape, "float32")]
    (weight,) = harness.run_steps(optimizer, variables, [ones] * 200)
    # With a constant gradient m settles at 1 / sqrt(5) times the gradient.
    later = harness.run_steps(optimizer, variables, [ones])[0] - weight
    np.testing.assert_allclose(later, -1e-3 / np.sqrt(5), rtol=1e-3)


@pytest.mark.parametrize("argument", ["beta_1", "beta_2"])
def test_betas_are_checked(argument):
    with pytest.raises(ValueError, match=f"`{argument}` to be at least 0"):
        AdaPNM(**{argument: 1.0})


@pytest.mark.parametrize(
    ("argument", "value"), [("beta_0", -1.0), ("weight_decay", -1.0), ("epsilon", 0.0)]
)
def test_other_arguments_are_checked(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` to be .*received {value}"):
        AdaPNM(**{argument: value})
