"""What must not change a verdict: order, batch size, names of classes, form of loss."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine
from tests.doctor.networks import batches, data, moments_of, set_statistics


def two_outputs(loss, activation):
    """A network that separates the classes with an output for each of them."""

    def build(kernel, last=activation):
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.BatchNormalization(name="norm", epsilon=1e-5),
                keras.layers.Dense(2, activation=last, name="head"),
            ]
        )
        column = kernel[:, :1] / 2
        model.layers[-1].set_weights([np.hstack([-column, column]), np.zeros(2)])
        model.compile("sgd", loss, jit_compile=False)
        return model

    return build


def one_output(loss, activation):
    def build(kernel):
        model = keras.Sequential(
            [
                keras.Input((2,)),
                keras.layers.BatchNormalization(name="norm", epsilon=1e-5),
                keras.layers.Dense(1, activation=activation, name="head"),
            ]
        )
        model.layers[-1].set_weights([kernel, np.zeros(1)])
        model.compile("sgd", loss, jit_compile=False)
        return model

    return build


FORMS = {
    "sigmoid": one_output("binary_crossentropy", "sigmoid"),
    "logit": one_output(keras.losses.BinaryCrossentropy(from_logits=True), None),
    "softmax": two_outputs("sparse_categorical_crossentropy", "softmax"),
    "smoothed": one_output(
        keras.losses.BinaryCrossentropy(label_smoothing=0.1), "sigmoid"
    ),
}
# Moving statistics from true ones, and what is added to validation inputs.
FAULTS = {
    "healthy": (lambda mean, variance: (mean, variance), 0.0),
    "stale_statistics": (lambda mean, variance: (mean + 1.5, 9 * variance), 0.0),
    "input_mismatch": (lambda mean, variance: (mean, variance), 3.0),
}


def verdict_of(fault, form="sigmoid", change=None, size=32, flip=False):
    (x, y), (validation_x, validation_y) = data(512), data(512, seed=1)
    kernel = np.array([[4.0], [0.0]], "float32")
    if flip:
        y, validation_y, kernel = 1 - y, 1 - validation_y, -kernel
    model = FORMS[form](kernel)
    corrupt, added = FAULTS[fault]
    set_statistics(model.get_layer("norm"), *corrupt(*moments_of(x)))
    order = np.arange(512) if change is None else change(validation_y)
    validation = batches(validation_x[order] + added, validation_y[order], size)
    return examine(model, batches(x, y, size), validation).verdict


CHANGES = {
    "sorted validation": {"change": np.argsort},
    "reversed validation": {"change": lambda y: np.arange(len(y))[::-1]},
    "batches of 128": {"size": 128},
    "other names of classes": {"flip": True},
    "half of validation": {"change": lambda y: np.arange(0, len(y), 2)},
    **{form: {"form": form} for form in FORMS},
}


@pytest.mark.thorough
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_carries_no_information_changes_no_verdict(fault, change):
    assert verdict_of(fault, **CHANGES[change]) == fault
