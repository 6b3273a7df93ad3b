"""What takes more than two seconds shows how far it is, in a terminal alone."""

import io
import sys

import pytest

from kerasnorm.data import progress
from kerasnorm.data.progress import Progress, quietly


class Terminal(io.StringIO):
    """A terminal that remembers what it has shown."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return stream


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass from one report to the next."""
    seconds = iter(range(10**6))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds) * 0.5)


def work(**options):
    with Progress("decoding images", **options) as bar:
        for done in range(20):
            bar(done + 1, 20)


def test_a_bar_has_the_time_left(terminal, clock):
    work()
    shown = terminal.getvalue()
    assert "decoding images" in shown
    assert "20/20" in shown
    assert "0:00:0" in shown


def test_what_is_done_within_two_seconds_shows_nothing(terminal):
    work()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("way", ["flag", "block", "no terminal", "no stream"])
def test_nothing_is_shown_where_nobody_wants_it(terminal, clock, monkeypatch, way):
    if way == "no terminal":
        terminal.isatty = lambda: False
    if way == "no stream":
        monkeypatch.setattr(sys, "stderr", None)
    with quietly(way == "block"):
        work(quiet=way == "flag")
    assert terminal.getvalue() == ""


def test_a_quiet_block_within_another_stays_quiet(terminal, clock):
    with quietly(), quietly(False):
        work()
    assert terminal.getvalue() == ""
    work()
    assert terminal.getvalue() != ""


def test_steps_of_unknown_length_are_named(terminal, clock):
    with Progress("examining", seconds=0) as bar:
        for step in ("reading batches", "measuring losses"):
            bar.say(step)
    assert "measuring losses" in terminal.getvalue()
