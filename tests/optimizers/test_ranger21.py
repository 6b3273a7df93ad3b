import keras
import numpy as np
import pytest

from kerasnorm.optimizers import AGC, GradientCentralization, Lookahead, Ranger21
from kerasnorm.optimizers import AdaPNM as Core
from tests.optimizers import harness
from tests.reference import optimizers as reference

LAYERS = ["conv2d", "depthwise2d", "batch norm", "dense"]
OFF = {
    "clip_factor": None,
    "gradient_centralization": False,
    "positive_negative_momentum": False,
    "amsgrad": False,
    "stable_weight_decay": False,
    "norm_loss": False,
    "decay_kernels_only": False,
    "sync_period": None,
}


def run(optimizer, steps=100, **arguments):
    _, variables, kinds = harness.make_variables(LAYERS)
    weights = harness.random_weights(variables)
    gradients = harness.random_gradients(variables, steps, **arguments)
    return harness.run_steps(optimizer, variables, gradients), weights, gradients, kinds


@pytest.mark.backends
def test_a_hundred_steps_equal_the_reference():
    actual, weights, gradients, kinds = run(Ranger21(1e-3, total_steps=100))
    core = reference.AdaPNM(
        kinds,
        reference.ranger21_rate(1e-3, 100),
        weight_decay=1e-4,
        beta_0=0.9,
        norm_loss=True,
    )
    rule = reference.GradientCentralization(reference.Lookahead(core), kinds)
    last_kernel = len(kinds) - 2
    rule = reference.AGC(rule, kinds, 0.01, excluded=[last_kernel])
    harness.assert_all_close(actual, harness.run_reference(rule, weights, gradients))


@pytest.mark.backends
def test_everything_off_is_adamw():
    # Keras adds epsilon at another place, which shows where gradients are tiny.
    sizes = {"steps": 20, "exponents": (0, 0)}
    ours, *_ = run(Ranger21(1e-3, weight_decay=0.1, **OFF), **sizes)
    keras_adamw = keras.optimizers.AdamW(1e-3, weight_decay=0.1, epsilon=1e-8)
    theirs, *_ = run(keras_adamw, **sizes)
    harness.assert_all_close(ours, theirs)


def parts(optimizer):
    """Types of the wrappers and of what they wrap, and the innermost."""
    types = []
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
        types.append(type(optimizer))
    return types, optimizer


@pytest.mark.parametrize(
    ("switch", "missing"),
    [
        ({"clip_factor": None}, AGC),
        ({"gradient_centralization": False}, GradientCentralization),
        ({"sync_period": None}, Lookahead),
    ],
)
def test_a_wrapper_can_be_switched_off(switch, missing):
    everything = [AGC, GradientCentralization, Lookahead, Core]
    types, _ = parts(Ranger21(**switch))
    assert types == [part for part in everything if part is not missing]


@pytest.mark.parametrize(
    "switch",
    [
        "positive_negative_momentum",
        "amsgrad",
        "stable_weight_decay",
        "norm_loss",
        "decay_kernels_only",
    ],
)
def test_a_part_of_the_core_can_be_switched_off(switch):
    _, core = parts(Ranger21(**{switch: False}))
    assert getattr(core, switch) is False
    assert getattr(parts(Ranger21())[1], switch) is True


@pytest.mark.backends
@pytest.mark.parametrize("total", [20, 1000, 20000])
def test_the_learning_rate_is_that_of_the_paper(total):
    optimizer = Ranger21(1e-3, total_steps=total)
    expected = reference.ranger21_rate(1e-3, total)
    for t in np.unique(np.linspace(1, total, 17).astype(int)):
        optimizer.iterations.assign(t - 1)
        rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
        np.testing.assert_allclose(rate, expected(t), rtol=1e-4, atol=1e-9)


def test_a_schedule_and_total_steps_exclude_each_other():
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 100)
    with pytest.raises(ValueError, match="Pass one of them"):
        Ranger21(schedule, total_steps=100)


def test_unknown_arguments_are_refused():
    with pytest.raises(ValueError, match="not recognized"):
        Ranger21(lookahead=False)
