"""Outputs that are judged by what they save of the loss of the best constant."""

import types

import numpy as np
import pytest

from kerasnorm.doctor.checks import learned
from kerasnorm.doctor.loss_matrix.loss_scale import LossScale
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.probes.optimizer import OptimizerState
from tests.doctor.checks.test_thresholds import measured


class Ratios:
    """Stands in for the bootstrap: every ratio is known to 0.01."""

    def ratio(self, cell, saved, possible):
        value = np.mean(saved) / np.mean(possible)
        return value, value - 0.01, value + 0.01


def outputs_of(loss, count=16, epochs=None, steps=None, **of_samples):
    each = {"constants": np.full(count, 3.0), "perfects": np.full(count, 1.0)}
    return measured(
        {"B": loss},
        draws=Ratios(),
        matrix=LossMatrix({"B": np.full(count, loss)}),
        scale=LossScale(2.0, 3.0, 1.0, **{**each, **of_samples}),
        scores={},
        curves=epochs and types.SimpleNamespace(epochs=epochs),
        optimizer=OptimizerState(steps=steps),
    )


@pytest.mark.parametrize(
    ("loss", "severity", "how_much"),
    [
        (3.2, "error", "nothing"),
        (3.0, "error", "nothing"),
        (2.98, "warning", "little"),
        (2.83, "warning", "little"),
        (2.81, None, None),
        (1.0, None, None),
    ],
)
def test_less_than_a_tenth_of_what_could_be_saved_is_little(loss, severity, how_much):
    found = learned.check_learned(outputs_of(loss))
    assert (found and found.severity) == severity
    if found:
        assert f"has learned {how_much} of its" in found.summary
        assert "the best constant answer gives 3." in found.summary
        assert found.evidence["skill"] == pytest.approx((3 - loss) / 2)
        assert found.evidence["samples"] == 16
        assert found.effect == 2.0


@pytest.mark.parametrize(
    "unknown", [{"count": 15}, {"constants": None}, {"perfects": None}], ids=str
)
def test_without_enough_to_compare_with_nothing_is_said(unknown):
    assert learned.check_learned(outputs_of(3.0)) is not None
    assert learned.check_learned(outputs_of(3.0, **unknown)) is None


@pytest.mark.parametrize(
    ("done", "words"),
    [
        ({"epochs": 1, "steps": 9}, "3 after 1 epoch;"),
        ({"epochs": 2}, "3 after 2 epochs;"),
        ({"steps": 9}, "3 after 9 steps;"),
        ({}, "a loss of 3;"),
    ],
)
def test_how_long_it_trained_is_said(done, words):
    assert words in learned.check_learned(outputs_of(3.0, **done)).summary
