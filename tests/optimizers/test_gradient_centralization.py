import keras
import numpy as np
import pytest

from kerasnorm.optimizers import GradientCentralization
from tests.optimizers import harness
from tests.reference import optimizers as reference
from tests.reference import unit_gradients


def sgd():
    return keras.optimizers.SGD(0.05, momentum=0.9)


@pytest.mark.backends
def test_a_hundred_steps_equal_the_reference():
    _, variables, kinds = harness.make_variables()
    weights = harness.random_weights(variables)
    steps = harness.random_gradients(variables)
    optimizer = GradientCentralization(sgd())
    actual = harness.run_steps(optimizer, variables, steps)
    rule = reference.GradientCentralization(reference.SGD(0.05, 0.9), kinds)
    harness.assert_all_close(actual, harness.run_reference(rule, weights, steps))


@pytest.mark.backends
def test_a_gradient_of_zero_mean_is_left_as_it_is():
    results = []
    for wrap in (lambda inner: inner, GradientCentralization):
        _, variables, kinds = harness.make_variables(["conv2d", "transposed2d"])
        harness.random_weights(variables)
        steps = [
            [
                unit_gradients.centralize(g, kind).astype("float32")
                for g, kind in zip(step, kinds, strict=True)
            ]
            for step in harness.random_gradients(variables, steps=10)
        ]
        results.append(harness.run_steps(wrap(sgd()), variables, steps))
    harness.assert_all_close(*results, tolerance=1e-6)


@pytest.mark.backends
@pytest.mark.parametrize(("convolutions_only", "moves"), [(True, True), (False, False)])
def test_dense_kernels_can_be_left_alone(convolutions_only, moves):
    _, variables, _ = harness.make_variables(["dense"])
    before = harness.random_weights(variables)
    optimizer = GradientCentralization(sgd(), convolutions_only=convolutions_only)
    constant = [np.ones(v.shape, "float32") for v in variables]
    after = harness.run_steps(optimizer, variables, [constant])
    assert (not np.allclose(after[0], before[0])) == moves


@pytest.mark.backends
def test_units_of_one_weight_still_learn():
    _, variables, _ = harness.make_variables(["dense of one input"])
    before = harness.random_weights(variables)
    constant = [np.ones(v.shape, "float32") for v in variables]
    after = harness.run_steps(GradientCentralization(sgd()), variables, [constant])
    np.testing.assert_allclose(after[0], before[0] - 0.05, rtol=1e-5)
