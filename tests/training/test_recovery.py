import pytest

from kerasnorm.training.loop.recovery import MOST_RECOVERIES, Recovery
from kerasnorm.training.settings import Settings


def test_every_reaction_halves_what_is_left_of_the_learning_rate():
    recovery = Recovery()
    settings = Settings(learning_rate=0.08)
    rates = []
    for step in (7, 9):
        assert recovery.react("reduce-lr", step)
        rates.append(recovery.slowed(settings).learning_rate)
    assert rates == pytest.approx([0.04, 0.02])
    assert recovery.skipped == set()
    assert recovery.slowed(settings).replace(learning_rate=0.08) == settings


def test_skipping_keeps_the_learning_rate():
    recovery = Recovery()
    assert recovery.react("skip", 7)
    assert recovery.react("skip", 9)
    assert recovery.skipped == {7, 9}
    assert recovery.slowed(Settings(learning_rate=0.08)).learning_rate == 0.08


def test_it_gives_up_at_once_or_after_so_many_times():
    assert not Recovery().react("stop", 1)
    recovery = Recovery()
    tries = [recovery.react("skip", step) for step in range(20)]
    assert tries == [True] * 8 + [False] * 12
    assert MOST_RECOVERIES == 8


@pytest.mark.parametrize("order", [1, -1])
def test_a_restored_state_never_takes_back_what_has_happened_since(order):
    states = [
        {"skipped": [3, 5], "rate_factor": 0.5, "times": 3},
        {"skipped": [4], "rate_factor": 0.25, "times": 2},
    ]
    recovery = Recovery()
    for state in states[::order]:
        recovery.set_state(state)
    merged = {"skipped": [3, 4, 5], "rate_factor": 0.25, "times": 3}
    assert recovery.get_state() == merged
