"""What takes more than two seconds shows how far it is, in a terminal alone."""

import contextlib
import io

import pytest

from kerasnorm.data import progress
from kerasnorm.data.progress import Progress, quietly


class Terminal(io.StringIO):
    """A terminal that remembers what it has shown."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass from one report to the next."""
    seconds = iter(range(10**6))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds) * 0.5)


def work(stream, **options):
    with (
        contextlib.redirect_stderr(stream),
        Progress("decoding images", **options) as bar,
    ):
        for done in range(20):
            bar(done + 1, 20)


def test_a_bar_has_the_time_left(terminal, clock):
    work(terminal)
    shown = terminal.getvalue()
    assert "decoding images" in shown
    assert "20/20" in shown
    assert "0:00:0" in shown


def test_what_is_done_within_two_seconds_shows_nothing(terminal):
    work(terminal)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("way", ["flag", "block", "no terminal", "no stream"])
def test_nothing_is_shown_where_nobody_wants_it(terminal, clock, way):
    if way == "no terminal":
        terminal.isatty = lambda: False
    with quietly(way == "block"):
        work(None if way == "no stream" else terminal, quiet=way == "flag")
    assert terminal.getvalue() == ""


def test_a_quiet_block_within_another_stays_quiet(terminal, clock):
    with quietly(), quietly(False):
        work(terminal)
    assert terminal.getvalue() == ""
    work(terminal)
    assert terminal.getvalue() != ""


def test_steps_of_unknown_length_are_named(terminal, clock):
    with (
        contextlib.redirect_stderr(terminal),
        Progress("examining", seconds=0) as bar,
    ):
        for step in ("reading batches", "measuring losses"):
            bar.say(step)
    assert "measuring losses" in terminal.getvalue()
