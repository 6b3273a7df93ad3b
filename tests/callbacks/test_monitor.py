import math

import pytest

from kerasnorm.callbacks import Monitor


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_nan_and_infinity_are_never_better(mode, value):
    assert not Monitor("val_loss", mode).is_better(value)


def test_the_first_finite_value_is_better():
    assert Monitor("val_loss").is_better(1e9)


@pytest.mark.parametrize(
    ("mode", "best", "value", "better"),
    [
        ("min", 1.0, 0.99, True),
        ("min", 1.0, 1.0, False),
        ("max", 1.0, 1.01, True),
        ("max", 1.0, 1.0, False),
        ("min", -1.0, -1.01, True),
        ("max", -1.0, -1.01, False),
    ],
)
def test_better_follows_the_mode_for_either_sign(mode, best, value, better):
    monitor = Monitor("value", mode)
    monitor.best = best
    assert monitor.is_better(value) is better


@pytest.mark.parametrize(("mode", "value"), [("min", -1.1), ("max", -0.9)])
def test_min_delta_is_absolute_for_negative_values(mode, value):
    monitor = Monitor("value", mode, min_delta=0.2)
    monitor.best = -1.0
    assert not monitor.is_better(value)


def test_a_missing_value_lists_the_available_ones():
    with pytest.raises(ValueError, match=r"'val_los'.*accuracy, loss, val_loss"):
        Monitor("val_los").read({"loss": 1, "accuracy": 1, "val_loss": 1})


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="min, max, received 'auto'"):
        Monitor("val_loss", "auto")


@pytest.mark.parametrize("delta", [-0.1, math.nan])
def test_negative_min_delta_is_refused(delta):
    with pytest.raises(ValueError, match="min_delta"):
        Monitor("val_loss", min_delta=delta)
